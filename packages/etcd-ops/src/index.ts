export * from './doctor/diagnose.ts';
export * from './doctor/examine.ts';
export * from './doctor/types.ts';
export * from './migrate/migrate.ts';
export * from './migrate/types.ts';
