/** Modules that the bundler makes: styles, and the address of the worker's script. */
declare module '*.css'
declare module 'virtual:mantine-variables.css'
