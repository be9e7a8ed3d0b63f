// What pages import from where the package is served: beside them, in balsa/.
declare module "*/balsa/balsa.js" {
  export * from "balsa";
}
