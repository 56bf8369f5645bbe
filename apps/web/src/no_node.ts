// Stands for Node's own modules and `@glof/core/node` in the page, where nothing of Node may be.
export {};
