//! Bytes that are no text, or far too much of it.

use super::{Bad, HEAD, POOL, alone, file, scenario};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers: [{name: c, image: i}]\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// Bytes without a pattern, so that they do not shrink.
fn noise(length: u32) -> Vec<u8> {
    let mix = |number: u32| number.wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(97);
    (0..length).map(|number| b"0123456789abcdef"[(mix(number) >> 20) as usize & 15]).collect()
}

#[test]
fn what_is_compressed() {
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 40].to_vec();
    let swf = "1 2 3 4 1 -1 -1 1 10 -1 1 1 1 1 1 1 -1 -1\n".repeat(3_000);
    file("cut.yaml.gz", &cut(&gzip(&noise(5_000))), "cut.yaml.gz:1", "the file is cut off");
    scenario(
        "workload: {traces: [{file: j.swf.gz}]}",
        ("j.swf.gz", &cut(&gzip(swf.as_bytes()))),
        "j.swf.gz:2954",
        "the file is cut off",
    );
    file("x.yaml.gz", b"\x1f\x8bnot a gzip at all", "x.yaml.gz:1", "the compressed data is damaged");
    file("x.yaml", b"BZh91AY&SY", "x.yaml", "compressed with bzip2");
    file("x.yaml", b"PK\x03\x04aaaa", "x.yaml", "a zip archive");
    file("x.csv", b"PAR1aaaa", "x.csv", "a Parquet table");
}

#[test]
fn what_unpacks_to_very_much() {
    file("bomb.yaml.gz", &gzip(&vec![0; 100 << 20]), "bomb.yaml.gz:1:1", "unexpected character");
    let blanks = [HEAD.as_bytes(), &vec![b' '; 50 << 20]].concat();
    alone("bomb.yaml.gz", &gzip(&blanks), "bomb.yaml.gz", "a scenario is at most 16 MiB long");
    let line = [b"submit_s,cpu\n", &vec![b'1'; 50 << 20][..]].concat();
    scenario(
        "workload: {traces: [{file: b.csv.gz}]}",
        ("b.csv.gz", &gzip(&line)),
        "b.csv.gz:2",
        "longer than 16 MiB",
    );
}

#[test]
fn what_is_no_text() {
    file(
        "m.yaml",
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: \"\xff\"}\n",
        "m.yaml:3:19",
        "the text is not UTF-8",
    );
    alone("s.yaml", &[HEAD.as_bytes(), b"name: \xff\n"].concat(), "s.yaml:5:7", "the text is not UTF-8");
    let utf16: Vec<u8> = "\u{feff}kind: Pod\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    file("m.yaml", &utf16, "m.yaml:1:1", "the file is UTF-16");
    file(
        "m.yaml",
        POD.replace("image: i", "image: \"i\0\"").as_bytes(),
        "m.yaml:6:35",
        "unexpected character",
    );
    file("m.yaml", &[0; 4096], "m.yaml:1:1", "unexpected character");
    scenario(
        "workload: {traces: [{file: t.csv}]}",
        ("t.csv", b"name,cpu\n\xff\xfe,1\n"),
        "t.csv:2:1",
        "the text is not UTF-8",
    );
    scenario(
        "workload: {traces: [{file: t.csv}]}",
        ("t.csv", b"name,cpu\na,\0\n"),
        "t.csv:2:3",
        "not a quantity",
    );
    file("m.yaml", "\u{feff}a: b\n".as_bytes(), "m.yaml:1:1", "`kind` is missing");
}

#[test]
fn what_is_very_long() {
    let million = "x".repeat(1_000_000);
    let label = POD.replace("  name: p\n", &format!("  name: p\n  labels: {{a: {million}}}\n"));
    file("m.yaml", label.as_bytes(), "m.yaml:5:15", "the value of the label `a` is not legal");
    let name = POD.replace("name: p", &format!("name: {million}"));
    file("m.yaml", name.as_bytes(), "m.yaml:4:9", "`name` is not a legal name");
    alone("s.yaml", format!("{HEAD}name: {million}\n").as_bytes(), "s.yaml:5:7", "not a legal name");
    scenario(
        "workload: {traces: [{file: t.csv}]}",
        ("t.csv", format!("name,cpu\n{million}\n").as_bytes()),
        "t.csv:2",
        "expected 2 fields, found 1",
    );
    scenario(
        "workload: {traces: [{file: t.swf}]}",
        ("t.swf", million.as_bytes()),
        "t.swf:1:1",
        "expected 18 fields, found 1",
    );
    let keys: Vec<String> = (0..5_000).map(|number| format!("key-{number}: 1\n")).collect();
    alone("s.yaml", format!("{HEAD}{}", keys.concat()).as_bytes(), "s.yaml:5:1", "unknown key");
    let pods: Vec<String> = (0..2_000)
        .map(|number| {
            format!(
                "---\n{}",
                POD.replace("name: p", &format!("name: p{number}"))
                    .replace("spec:", "spec:\n  priorityClassName: gone")
            )
        })
        .collect();
    file("m.yaml", pods.concat().as_bytes(), "m.yaml:7:22", "(here and in 1999 more places)");
}

#[test]
fn what_is_nested_or_repeated() {
    let deep = 100_000;
    file("m.yaml", format!("a: {}", "[".repeat(deep)).as_bytes(), "m.yaml:1:259", "recursion limit");
    file("m.json", "{\"a\":".repeat(deep).as_bytes(), "m.json:1:1276", "recursion limit");
    file("m.yaml", "- ".repeat(deep).as_bytes(), "m.yaml:1:511", "recursion limit");
    alone(
        "s.yaml",
        format!("{HEAD}x: {}", "{a: ".repeat(deep)).as_bytes(),
        "s.yaml:5:1024",
        "recursion limit",
    );
    file("m.yaml", "---\n".repeat(200_000).as_bytes(), "<arguments>", "there is no Kubernetes object");
    file("m.yaml", "--- {}\n".repeat(100_000).as_bytes(), "m.yaml:1:5", "`kind` is missing");
    let mut aliases = String::from("a: &a [1,2,3,4,5,6,7,8,9]\n");
    for pair in "abcdefghijkl".as_bytes().windows(2) {
        let (old, new) = (char::from(pair[0]), char::from(pair[1]));
        let nine = vec![format!("*{old}"); 9].join(",");
        aliases.push_str(&[&new.to_string(), ": &", &new.to_string(), " [", &nine, "]\n"].concat());
    }
    file("m.yaml", aliases.as_bytes(), "m.yaml:7:7", "aliases make this value too large");
    alone(
        "s.yaml",
        format!("{HEAD}{aliases}").as_bytes(),
        "s.yaml:11:7",
        "aliases make this value too large",
    );
    alone(
        "s.yaml",
        format!("{HEAD}x: &x [*x]\n").as_bytes(),
        "s.yaml:5:8",
        "an alias stands inside the value",
    );
}

#[test]
fn what_is_empty_or_no_file() {
    let nothing = "there is no Kubernetes object";
    file("m.yaml", b"", "<arguments>", nothing);
    file("m.yaml", b"# only a comment\n", "<arguments>", nothing);
    file("m.yaml", b"apiVersion: v1\nkind: List\nitems: []\n", "<arguments>", nothing);
    let piped = format!("run - {POOL}");
    Bad { files: &[], arguments: &piped, stdin: b"", place: "<arguments>", message: nothing }.check();
    file("empty/", b"", "empty", "the folder has no manifests");
    file("d/s.yaml", HEAD.as_bytes(), "<arguments>", "`--pool` needs files of Kubernetes objects");
    let folder = format!("run d {POOL}");
    let files: [(&str, &[u8]); 1] = [("d/s.yaml", HEAD.as_bytes())];
    Bad {
        files: &files,
        arguments: &folder,
        stdin: b"",
        place: "d/s.yaml:1:1",
        message: "this is a scenario",
    }
    .check();
    scenario(
        "workload: {traces: [{file: folder}]}",
        ("folder/", b""),
        "s.yaml:5:28",
        "a folder where a file is needed",
    );
}
