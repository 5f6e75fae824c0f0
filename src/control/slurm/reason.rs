//! Why a job waits, in Slurm's words.

/// Why a job waits, or why it was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reason {
    /// Nothing is known yet.
    #[default]
    None,
    /// Jobs before it in its partition wait for resources.
    Priority,
    /// It is next, and its resources are in use.
    Resources,
    /// Jobs it depends on are not over.
    Dependency,
    /// A job it depends on ended in a way that cannot satisfy it any more.
    DependencyNeverSatisfied,
    /// Its begin time has not come.
    BeginTime,
    /// It is held.
    JobHeldUser,
    /// The nodes it requires are down or drained.
    ReqNodeNotAvail,
    /// No set of nodes of its partition can ever satisfy it.
    BadConstraints,
    /// Its partition starts no jobs.
    PartitionDown,
    /// Its partition neither takes nor starts jobs.
    PartitionInactive,
    /// It asks for more nodes than its partition allows, or has.
    PartitionNodeLimit,
    /// It asks for more time than its partition allows.
    PartitionTimeLimit,
    /// Its account may not use the partition, or does not exist.
    InvalidAccount,
    /// Its QOS may not be used.
    InvalidQos,
    /// As many tasks of its array run as may.
    JobArrayTaskLimit,
    /// The association's limit of running jobs.
    AssocMaxJobsLimit,
    /// A limit of running jobs of an association above it.
    AssocGrpJobsLimit,
    /// The association's limit of jobs that wait or run.
    AssocMaxSubmitJobLimit,
    /// A limit of CPUs of an association.
    AssocGrpCpuLimit,
    /// A limit of memory of an association.
    AssocGrpMemLimit,
    /// A limit of nodes of an association.
    AssocGrpNodeLimit,
    /// A limit of another resource of an association.
    AssocGrpGresLimit,
    /// The association's limit of a job's CPUs.
    AssocMaxCpuPerJobLimit,
    /// The association's limit of another resource of a job.
    AssocMaxTresPerJobLimit,
    /// The association's limit of a job's time.
    AssocMaxWallDurationPerJobLimit,
    /// The QOS's limit of a user's running jobs.
    QosMaxJobsPerUserLimit,
    /// The QOS's limit of a user's jobs that wait or run.
    QosMaxSubmitJobPerUserLimit,
    /// The QOS's limit of a user's CPUs.
    QosMaxCpuPerUserLimit,
    /// The QOS's limit of another resource of a user.
    QosMaxTresPerUserLimit,
    /// The QOS's limit of CPUs.
    QosGrpCpuLimit,
    /// The QOS's limit of another resource.
    QosGrpTresLimit,
    /// The QOS's limit of running jobs.
    QosGrpJobsLimit,
    /// The QOS's limit of a job's CPUs.
    QosMaxCpuPerJobLimit,
    /// The QOS's limit of another resource of a job.
    QosMaxTresPerJobLimit,
    /// The QOS's limit of a job's time.
    QosMaxWallDurationPerJobLimit,
}

impl Reason {
    /// The word that `squeue` prints.
    pub const fn word(self) -> &'static str {
        match self {
            Reason::None => "None",
            Reason::Priority => "Priority",
            Reason::Resources => "Resources",
            Reason::Dependency => "Dependency",
            Reason::DependencyNeverSatisfied => "DependencyNeverSatisfied",
            Reason::BeginTime => "BeginTime",
            Reason::JobHeldUser => "JobHeldUser",
            Reason::ReqNodeNotAvail => "ReqNodeNotAvail",
            Reason::BadConstraints => "BadConstraints",
            Reason::PartitionDown => "PartitionDown",
            Reason::PartitionInactive => "PartitionInactive",
            Reason::PartitionNodeLimit => "PartitionNodeLimit",
            Reason::PartitionTimeLimit => "PartitionTimeLimit",
            Reason::InvalidAccount => "InvalidAccount",
            Reason::InvalidQos => "InvalidQOS",
            Reason::JobArrayTaskLimit => "JobArrayTaskLimit",
            Reason::AssocMaxJobsLimit => "AssocMaxJobsLimit",
            Reason::AssocGrpJobsLimit => "AssocGrpJobsLimit",
            Reason::AssocMaxSubmitJobLimit => "AssocMaxSubmitJobLimit",
            Reason::AssocGrpCpuLimit => "AssocGrpCpuLimit",
            Reason::AssocGrpMemLimit => "AssocGrpMemLimit",
            Reason::AssocGrpNodeLimit => "AssocGrpNodeLimit",
            Reason::AssocGrpGresLimit => "AssocGrpGRES",
            Reason::AssocMaxCpuPerJobLimit => "AssocMaxCpuPerJobLimit",
            Reason::AssocMaxTresPerJobLimit => "AssocMaxTRESPerJob",
            Reason::AssocMaxWallDurationPerJobLimit => "AssocMaxWallDurationPerJobLimit",
            Reason::QosMaxJobsPerUserLimit => "QOSMaxJobsPerUserLimit",
            Reason::QosMaxSubmitJobPerUserLimit => "QOSMaxSubmitJobPerUserLimit",
            Reason::QosMaxCpuPerUserLimit => "QOSMaxCpuPerUserLimit",
            Reason::QosMaxTresPerUserLimit => "QOSMaxTRESPerUser",
            Reason::QosGrpCpuLimit => "QOSGrpCpuLimit",
            Reason::QosGrpTresLimit => "QOSGrpTRES",
            Reason::QosGrpJobsLimit => "QOSGrpJobsLimit",
            Reason::QosMaxCpuPerJobLimit => "QOSMaxCpuPerJobLimit",
            Reason::QosMaxTresPerJobLimit => "QOSMaxTRESPerJob",
            Reason::QosMaxWallDurationPerJobLimit => "QOSMaxWallDurationPerJobLimit",
        }
    }

    /// Whether it is a limit of an association or a QOS: the job waits, and holds back nobody.
    pub fn is_limit(self) -> bool {
        let word = self.word();
        word.starts_with("Assoc") || word.starts_with("QOS")
    }
}
