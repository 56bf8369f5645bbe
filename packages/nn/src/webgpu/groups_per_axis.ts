/** Groups of threads along one axis of a dispatch that every device takes. */
export const groupsPerAxis = 65_535;
