/** Style of the report page, for screen and print, light and dark. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --line: #d5dde5; --accent: #1f6fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3eaf1; --paper: #12181f; --line: #33404d; --accent: #6bb6ea; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.6em; margin: 0 0 4px; overflow-wrap: anywhere; } h2 { font-size: 1.15em; margin: 32px 0 8px; }
figure { margin: 16px 0; } img { max-width: 100%; height: auto; border: 1px solid var(--line); }
figcaption { font-size: .9em; opacity: .75; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 4px 8px; text-align: left; } thead th { position: sticky; top: 0; background: var(--paper); }
td.number { text-align: right; } .settings th { width: 220px; font-weight: 600; } .settings td { overflow-wrap: anywhere; }
svg { width: 100%; max-width: 640px; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; } svg line { stroke: currentColor; }
svg .bars rect { fill: var(--accent); }
`;
