/** JSON as data: what crosses a boundary before a schema has parsed it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
