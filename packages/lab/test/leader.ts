/** Do its API servers prefer the store's leader, as they are shipped? With the others all members are asked; they are those by which mutants were found. */
export const prefersLeader = (seed: number): boolean => seed % 8 >= 5;
