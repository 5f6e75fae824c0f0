//! Where published results can be had: the files, by their place in the folder, and their sha256.

/// Every file of published results that was compared, with the sha256 of its bytes as they lie there.
pub const FILES: [(&str, &str); 28] = [
    (
        "sc15-backfilling/CTC-SP2/easy-clairvoyant.swf.gz",
        "32058a0df492de29aa4a896e4a62ac7455b66ec21bec8f60b770244099e23385",
    ),
    (
        "sc15-backfilling/CTC-SP2/easy-sjbf-clairvoyant.swf.gz",
        "3f46ca1edd3889bbb7385a0dacda2a7647f1f62dfa048e4481a85cd34e679835",
    ),
    (
        "sc15-backfilling/CTC-SP2/easy.swf.gz",
        "eeb47188733e4532d626e279f1597bf9f49af8c0e1c8a3f420b0c7e1b79edba2",
    ),
    (
        "sc15-backfilling/KTH-SP2/easy-clairvoyant.swf.gz",
        "f5e18b2130b839cb0a7a5ef969152427bb4e931d86ca2ea390a946a381a7fcb5",
    ),
    (
        "sc15-backfilling/KTH-SP2/easy-sjbf-clairvoyant.swf.gz",
        "1014341a3586036460f6832100907eb3f75d46124ea8c7dd241ad59724fdacb1",
    ),
    (
        "sc15-backfilling/KTH-SP2/easy.swf.gz",
        "5446122bd5fb87396722e533a60c0b2a69d1c52c0d513c41aa558ef2029a0cdf",
    ),
    (
        "sc15-backfilling/SDSC-SP2/easy-clairvoyant.swf.gz",
        "66dcf98490109c714afd56dea8a5932ee3d31ca6de49cbf9f957bd32d4d29909",
    ),
    (
        "sc15-backfilling/SDSC-SP2/easy-sjbf-clairvoyant.swf.gz",
        "92a253247fe7850a9dd2ae8500ed76c6b89755c3b0cc0e29f096d81d07cc67af",
    ),
    (
        "sc15-backfilling/SDSC-SP2/easy.swf.gz",
        "5a05aeb8b04806d679ff82439d8b020344c01b011a98b97ec02a61c1fc445a59",
    ),
    ("rlscheduler/lublin_256.swf.gz", "152ad6704396dcb70460b288e958ceab8cdf1ad4a5d6776dc3340f288973c3fc"),
    ("rlscheduler/lublin_256_new2.gz", "4696da6021276a9648a5cf136f59657439f093db9f56c1544631dad9689ff312"),
    ("batsim/medium_late.json", "b875d37a0cda19b8bea57a3a31225d3711fed3e51bae8bc511a71a0cfb3e1311"),
    (
        "batsim/medium_late-expected/easy/out_jobs.csv",
        "463b0422fe03147f4150046c905726591a897742c04a2e86ddba7747a4f9bcd5",
    ),
    (
        "batsim/medium_late-expected/conservative/out_jobs.csv",
        "44cdef20f751b2e0287ba993b9d080ad492406521544693864ef1fa55848e8f2",
    ),
    (
        "swf-pwa/KTH-SP2-1996-2.1-cln.swf.gz",
        "c8c1a8db8b99cce4aa8d823a769280debca90485e30758ba35a76b17ac5485bb",
    ),
    (
        "swf-pwa/CTC-SP2-1996-3.1-cln.swf.gz",
        "9fa28ac16c4386fb81b72a91d8bd8888281df2948a9d912769d387c5ee285bb4",
    ),
    ("swf-pwa/HPC2N-2002-2.2-cln.swf.gz", "3c534857d6065cfd9cc35aac8d064c9c17172be7acf336de835006f43a626e64"),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed0_size32.json.gz",
        "dd51bdb318bcc2f0fd1ffbe2a98b4a0817936388c5cadc8c6c07b26a4cebb005",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed1_size32.json.gz",
        "f3abd68e30b4fd2239cafa60805f73b8fcddfab00a0c87a7b0f9d2b188b9531d",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed2_size32.json.gz",
        "7559c0b789675cac9dea96c19715da5af39938b7e2d34d93b88689d7a863f25d",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed3_size32.json.gz",
        "7dd498c41c58543de03637aa1dab1643c69a38f3ba53fa59c47a60fb85eeba95",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed4_size32.json.gz",
        "8d6c769ede01ff945626248a1a2692326adb6f4b80f01d8b58cbcf7283b710b9",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed5_size32.json.gz",
        "aa2c8cfafa48565034dca2b724eb5b118519c58badb055d4d1e56185931b7860",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed6_size32.json.gz",
        "6b505e5e572caaeaef509ab5d05a544835345615b3b438752c388c0437d397f0",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed7_size32.json.gz",
        "d36d6939133aac899b1314c9fd69332ae2adc9c32bf94982ca161ec3bd9c7a02",
    ),
    (
        "batsim-oar-real-vs-sim/oar_gant_g5k_workload_delay_seed8_size32.json.gz",
        "88570c5b5e96bb081dca8792bb4725a772bba4df7c8081eadff14f18d4ecf110",
    ),
    (
        "batsim-oar-real-vs-sim/results_multirun_graphene1_seed1/oar_gant_g5k_workload_delay_seed1_size32.json.gz",
        "c1c7be6644f30d45f1a58dec10c1184c1e04b0c8ba79504e358607978e85eebc",
    ),
    (
        "batsim-oar-real-vs-sim/results_multirun_graphene1_seed1_run2/oar_gant_g5k_workload_delay_seed1_size32.json.gz",
        "719f408e420bd9309ebafb1449cddcb3b4655b1e8638691ee6512c1278ee9f1b",
    ),
];

/// Where the files come from, by the folder.
pub const SOURCES: [(&str, &str); 5] = [
    ("sc15-backfilling", "SC'15, DOI 10.1145/2807591.2807646: predictsim on GitHub"),
    ("rlscheduler", "two logs by Lublin's model: deep-batch-scheduler of DIR-LAB on GitHub"),
    ("batsim", "a workload of Batsim with the results of batsched: oar-team on GitHub"),
    ("batsim-oar-real-vs-sim", "runs of a real OAR cluster: oar-team/batsim-experiments on GitHub"),
    ("swf-pwa", "the Parallel Workloads Archive, cs.huji.ac.il/labs/parallel/workload"),
];
