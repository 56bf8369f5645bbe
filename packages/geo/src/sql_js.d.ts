/** The part of sql.js 1.16 that this package uses; it brings no types of its own. */
declare module "sql.js" {
  export type SqlValue = number | string | Uint8Array | null;
  export interface SqlResult {
    readonly columns: string[];
    readonly values: SqlValue[][];
  }
  export interface SqlStatement {
    run(values?: readonly SqlValue[]): void;
    bind(values?: readonly SqlValue[]): boolean;
    step(): boolean;
    get(): SqlValue[];
    free(): boolean;
  }
  export interface SqlDatabase {
    run(sql: string, params?: readonly SqlValue[]): SqlDatabase;
    exec(sql: string, params?: readonly SqlValue[]): SqlResult[];
    prepare(sql: string): SqlStatement;
    export(): Uint8Array;
    close(): void;
  }
  export interface SqlJs {
    readonly Database: new (content?: Uint8Array) => SqlDatabase;
  }
  export interface SqlJsConfig {
    /** Where the .wasm file lies; needed where it is not beside the script. */
    readonly locateFile?: (file: string) => string;
  }
  export default function initSqlJs(config?: SqlJsConfig): Promise<SqlJs>;
}
