export interface ClusterStatus {
  /** Everything it consists of runs and all nodes are Ready. */
  readonly healthy: boolean;
  /** For people, one fact a line. */
  readonly lines: readonly string[];
}

/** What befalls machines, done to a node of the cluster. Container ids are as pods' statuses have them: containerd://<hex>. */
export interface NodeFaults {
  cutNetwork(node: string): Promise<void>;
  mendNetwork(node: string): Promise<void>;
  /** As if its plug were pulled: kubelet and all containers end at once. */
  stop(node: string): Promise<void>;
  start(node: string): Promise<void>;
  /** SIGKILL to the container's first process, from outside: the container has crashed. */
  killContainer(node: string, containerId: string): Promise<void>;
  /** Nothing in the container gets the processor until it is resumed; its connections stay open and silent. */
  pauseContainer(node: string, containerId: string): Promise<void>;
  resumeContainer(node: string, containerId: string): Promise<void>;
}

/** One way to have a Kubernetes of three zones on this machine. */
export interface ClusterProvider {
  readonly name: 'native' | 'kind';
  /** Why this machine can't, each with its remedy; empty when it can. Changes nothing. */
  missing(): Promise<string[]>;
  /** A cluster of this provider is there, in whatever state. */
  exists(): Promise<boolean>;
  up(): Promise<void>;
  /** Leaves nothing of the cluster on the machine, whatever state it was in. */
  down(): Promise<void>;
  status(): Promise<ClusterStatus>;
  readonly faults: NodeFaults;
}
