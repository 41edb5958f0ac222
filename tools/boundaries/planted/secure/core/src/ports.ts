export interface Port {
  readonly fine: 1
}
