// The public names of the checker.
export {};
