//! Typed ids: `u32` newtypes, so that a node's number cannot be taken for a pod's.

/// Declares `u32` id types with their doc comments.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an index into a column.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A row of the node table.
    NodeId;
    /// A row of the pod table. Rows of deleted pods are used again.
    PodId;
    /// An interned, compiled pod specification.
    ClassId;
    /// An interned set of node labels and taints.
    NodeClassId;
    /// A kind of resource: 0 CPU, 1 memory, 2 ephemeral storage, then the scalars in the order
    /// in which they were first named.
    ResourceId;
    /// A workload object: ReplicaSet, Deployment or Job.
    WorkloadId;
    /// A job of a batch trace.
    JobId;
    /// A task of a batch job on a node. Rows of ended tasks are used again.
    TaskId;
    /// A node pool of a scenario.
    PoolId;
    /// A zone: the pair of region and zone labels.
    ZoneId;
}

impl ResourceId {
    /// CPU in millicores.
    pub const CPU: ResourceId = ResourceId(0);
    /// Memory in bytes.
    pub const MEMORY: ResourceId = ResourceId(1);
    /// Ephemeral storage in bytes.
    pub const EPHEMERAL_STORAGE: ResourceId = ResourceId(2);
    /// The number of resources that every node has a column for.
    pub const NATIVE: usize = 3;
}
