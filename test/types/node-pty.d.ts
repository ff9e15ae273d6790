/** The prebuilt fork declares its types under its own name; here it is installed as `node-pty`. */
declare module 'node-pty' {
  export * from '@lydell/node-pty';
}
