/** A pod, and where it has several, one of its containers. */
export interface PodRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
}
