declare module "*.css";
declare module "*LICENSE-THIRD-PARTY" {
  const text: string;
  export default text;
}
