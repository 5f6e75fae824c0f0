//! Traces and lists of machines that are wrong.

use super::{Bad, scenario};

/// Traces in a format.
fn traces(format: &str, table: &[(&str, &str, &str)]) {
    for (text, place, message) in table {
        let lines = format!("workload: {{traces: [{{file: t, format: {format}}}]}}");
        scenario(&lines, ("t", text.as_bytes()), place, message);
    }
}

#[test]
fn standard_workload_format() {
    let job = "1 2 3 4 1 -1 -1 1 10 -1 1 1 1 1 1 1 -1 -1\n";
    traces(
        "swf",
        &[
            (&format!("{job}1 2 3 4 5\n"), "t:2:1", "expected 18 fields, found 5"),
            (&job.replace("1\n", "1 7\n"), "t:1:43", "expected 18 fields, found 19"),
            (&job.replacen(" 4 ", " NaN ", 1), "t:1:7", "run time: not a number"),
            (&job.replacen(" 4 ", " 1e30 ", 1), "t:1:7", "run time: the number is too large"),
            (&job.replacen("1 2 ", "1 1e30 ", 1), "t:1:3", "submit time: the number is too large"),
            ("hello world\n", "t:1:1", "expected 18 fields, found 2"),
        ],
    );
}

#[test]
fn openb() {
    let head = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";
    let row = "a,1000,100,1,500,,LS,Running,0,10,1\n";
    let with = |from: &str, to: &str| format!("{head}{}", row.replacen(from, to, 1));
    traces(
        "openb",
        &[
            ("", "s.yaml:5:28", "the table is empty"),
            (&head.replace("cpu_milli,", ""), "t:1:1", "the table lacks the column `cpu_milli`"),
            (&with("1000", "many"), "t:2:3", "cpu_milli: not a number"),
            (&with("1000", "NaN"), "t:2:3", "cpu_milli: not a number"),
            (&with("1000", "-5"), "t:2:3", "cpu_milli: the number is negative"),
            (&with("1000", "1e30"), "t:2:3", "cpu_milli: the number is too large"),
            (&with(",100,", ",9223372036854775807,"), "t:2:8", "the number is too large"),
            (&with("500", "2000"), "t:2:14", "more than 1000 thousandths of a GPU"),
            (&with(",1,500", ",9999999,500"), "t:2:12", "num_gpu: the number must be at most"),
            (&format!("{head}a,1000\n"), "t:2:1", "expected 11 fields, found 2"),
        ],
    );
}

#[test]
fn own_table() {
    traces(
        "seatrial",
        &[
            ("", "s.yaml:5:28", "the table is empty"),
            ("submit_s,cpus\n0,1\n", "t:1:10", "did you mean `cpu`?"),
            ("submit_s,cpu,cpu\n0,1,1\n", "t:1:14", "the column is named twice"),
            ("submit_s;cpu\n0;1\n", "t:1:1", "unknown column"),
            ("submit_s,cpu\n-1,1\n", "t:2:1", "submit_s: the number is negative"),
            ("submit_s,cpu\nNaN,1\n", "t:2:1", "submit_s: not a number"),
            ("submit_s,cpu\n1e30,1\n", "t:2:1", "submit_s: the number is too large"),
            ("submit_s,cpu\n0,-1\n", "t:2:3", "cpu: the quantity is negative"),
            ("submit_s,cpu\n0,1e30\n", "t:2:3", "cpu: the quantity is too large"),
            ("submit_s,cpu\n0,1,2\n", "t:2:1", "expected 2 fields, found 3"),
            ("submit_s,cpu\r\n0,1\r\nx,1\r\n", "t:3:1", "submit_s: not a number"),
            ("submit_s,name\n0,\"abc\n", "t:2:1", "a quoted value does not end on its line"),
            ("submit_s,tasks\n0,99999999999\n", "t:2:3", "tasks: the number must be between"),
            ("submit_s,tasks\n0,0\n", "t:2:3", "tasks: the number must be between"),
            ("submit_s,restart_policy\n0,Somtimes\n", "t:2:3", "restart_policy"),
        ],
    );
    let manifest = b"apiVersion: v1\nkind: Pod\n";
    scenario(
        "workload: {traces: [{file: p.yaml}]}",
        ("p.yaml", manifest),
        "s.yaml:5:28",
        "looks like Kubernetes objects",
    );
}

#[test]
fn machines() {
    let machines = |format: &str, table: &[(&str, &str, &str)]| {
        for (text, place, message) in table {
            let scenario =
                format!("apiVersion: seatrial/v1\ncluster: {{machines: {{file: m, format: {format}}}}}\n");
            let files: [(&str, &[u8]); 2] = [("s.yaml", scenario.as_bytes()), ("m", text.as_bytes())];
            Bad { files: &files, arguments: "run s.yaml", stdin: b"", place, message }.check();
        }
    };
    machines(
        "seatrial",
        &[
            ("", "s.yaml:2:28", "the table is empty"),
            ("name,cpu,memory\n", "s.yaml", "the cluster has no nodes"),
            ("name,cpus,memory\nn,4,8Gi\n", "m:1:6", "did you mean `cpu`?"),
            ("name,cpu\nn,4\n", "m:1:1", "the table lacks the column `memory`"),
            ("name,cpu,memory\nn,4,8Gi\nn,4,8Gi\n", "m:3:1", "another machine has this name"),
            ("name,cpu,memory\n,4,8Gi\n", "m:2:1", "a machine needs a name"),
            ("name,cpu,memory\nA_B,4,8Gi\n", "m:2:1", "not a legal name of a node"),
            ("name,cpu,memory\nn,-4,8Gi\n", "m:2:3", "cpu: the quantity is negative"),
            ("name,cpu,memory\nn,NaN,8Gi\n", "m:2:3", "cpu: not a quantity"),
            ("name,cpu,memory,count\nn,4,8Gi,10000000\n", "m:2:9", "count: the number must be between"),
            ("name,cpu,memory,price_per_hour\nn,4,8Gi,NaN\n", "m:2:9", "price_per_hour: not a price"),
            ("name,cpu,memory,price_per_hour\nn,4,8Gi,-1\n", "m:2:9", "price_per_hour: not a price"),
            ("name,cpu,memory,label:disk\nn,4,8Gi,a b\n", "m:2:9", "not a legal label value"),
        ],
    );
    let head = "sn,cpu_milli,memory_mib,gpu,model\n";
    machines(
        "openb",
        &[
            (
                &format!("{head}n,64000,262144,2,P100\nn,64000,262144,2,P100\n"),
                "m:3:1",
                "another machine has this name",
            ),
            (&format!("{head}N 1,64000,262144,2,P100\n"), "m:2:1", "not a legal name of a node"),
            (&format!("{head}n,64000,262144,many,P100\n"), "m:2:16", "gpu: not a number"),
            (&head.replace(",gpu", ""), "m:1:1", "the table lacks the column `gpu`"),
        ],
    );
}
