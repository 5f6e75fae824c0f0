//! From what a user names on a command line to a scenario: a scenario file, or Kubernetes objects
//! that are run as they are.

use super::compile::{Environment, Held};
use super::parse::{FileKind, kind_of, parse, parse_tree};
use super::schema::{API_VERSION, Scenario};
use super::tree::{Data, Value};
use crate::base::{Diagnostic, Location};
use crate::trace;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of findings about arguments.
pub(super) const ARGUMENTS: &str = "<arguments>";
/// The longest short form of a pool, in bytes.
const MAX_TEXT: usize = 10_000;

/// What a user names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// One scenario, or files and folders of Kubernetes objects; `-` is standard input.
    pub files: Vec<String>,
    /// Files with Nodes, where `files` are Kubernetes objects.
    pub nodes: Vec<String>,
    /// Pools in short form, such as `5x8cpu,32Gi`.
    pub pools: Vec<String>,
    /// Overrides, `path=value`.
    pub sets: Vec<String>,
}

/// Reads the scenario that is named, or makes one from Kubernetes objects.
pub fn load(
    named: &Named,
    stdin: Option<Box<dyn Read + Send>>,
) -> Result<(Scenario, Environment), Vec<Diagnostic>> {
    let Some(first) = named.files.first() else {
        let finding = Diagnostic::error(Location::file(ARGUMENTS), "no file is named");
        return Err(vec![finding.help("name a scenario, or files of Kubernetes objects")]);
    };
    if named.files.iter().chain(&named.nodes).filter(|file| *file == "-").count() > 1 {
        let finding = Diagnostic::error(Location::file(ARGUMENTS), "standard input is named twice");
        return Err(vec![finding.found("-")]);
    }
    let path = Path::new(first);
    if path.is_dir() {
        return adhoc(named, stdin);
    }
    let stdin_used = first == "-";
    let (stdin, rest) = if stdin_used { (stdin, None) } else { (None, stdin) };
    let (bytes, sha256) = trace::read_all(path, stdin).map_err(|finding| vec![finding])?;
    if kind_of(&bytes) == FileKind::Manifest {
        let (scenario, mut environment) = adhoc(named, rest)?;
        // A pipe can be read only once.
        environment.held = Some(Held { name: first.clone(), bytes, sha256 });
        return Ok((scenario, environment));
    }
    refuse_mixture(named)?;
    let file: Arc<str> = if stdin_used { trace::input::STDIN.into() } else { first.as_str().into() };
    let scenario = parse(&file, &bytes, &named.sets)?;
    let folder = if stdin_used { PathBuf::new() } else { path.parent().unwrap_or(path).to_owned() };
    let inputs = vec![(file.to_string(), sha256)];
    Ok((scenario, Environment { file, folder, stdin: rest, inputs, held: None }))
}

/// A scenario stands for itself.
fn refuse_mixture(named: &Named) -> Result<(), Vec<Diagnostic>> {
    let refuse = |what: &str, found: &str, help: &str| {
        Err(vec![Diagnostic::error(Location::file(ARGUMENTS), what).found(found).help(help)])
    };
    if let Some(second) = named.files.get(1) {
        let help = "name Kubernetes objects under `workload.manifests` of the scenario";
        return refuse("a scenario is run alone, but a second file is named", second, help);
    }
    if let Some(pool) = named.pools.first() {
        let help = "change the scenario's own pools with `--set 'cluster.pools[0].count=20'`";
        return refuse("`--pool` needs files of Kubernetes objects, not a scenario", pool, help);
    }
    if let Some(nodes) = named.nodes.first() {
        let help = "name the file under `cluster.manifests` of the scenario";
        return refuse("`--nodes` needs files of Kubernetes objects, not a scenario", nodes, help);
    }
    Ok(())
}

/// A scenario of Kubernetes objects as they are: Nodes among them (and in `nodes`) and `pools` are
/// the cluster, everything else is created at the start.
pub fn adhoc(
    named: &Named,
    stdin: Option<Box<dyn Read + Send>>,
) -> Result<(Scenario, Environment), Vec<Diagnostic>> {
    let here = Location::file(ARGUMENTS);
    let mut findings = Vec::new();
    let mut pools = Vec::new();
    for (number, text) in named.pools.iter().enumerate() {
        match pool(text, number) {
            Ok(value) => pools.push(value),
            Err(finding) => findings.push(finding),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let list = |files: &[String]| -> Vec<Value> {
        files.iter().map(|file| Value::text(here.clone(), file.as_str())).collect()
    };
    let mut root = Value::map(here.clone());
    put(&mut root, &["apiVersion"], Data::Scalar { text: API_VERSION.into(), is_text: true });
    put(&mut root, &["name"], Data::Scalar { text: name(&named.files), is_text: true });
    put(&mut root, &["cluster", "pools"], Data::List(pools));
    put(&mut root, &["cluster", "manifests"], Data::List(list(&named.nodes)));
    put(&mut root, &["workload", "manifests"], Data::List(list(&named.files)));
    let scenario = parse_tree(root, &named.sets)?;
    let environment =
        Environment { file: ARGUMENTS.into(), folder: PathBuf::new(), stdin, inputs: Vec::new(), held: None };
    Ok((scenario, environment))
}

fn put(root: &mut Value, path: &[&str], data: Data) {
    let location = root.location.clone();
    let mut at = root;
    for key in path {
        at = at.entry(key, &location).expect("only mappings have been made");
    }
    at.data = data;
}

/// The name of a run: that of its first file without the ending.
fn name(files: &[String]) -> String {
    let stem = files.first().map(Path::new).and_then(Path::file_name);
    let stem = stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    let legal: String = stem
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' })
        .collect();
    let legal = legal.trim_matches('-');
    if legal.is_empty() { "run".into() } else { legal.chars().take(100).collect() }
}

/// Reads `[name=]COUNTxCOREScpu,MEMORY[,resource=amount][,zones=a+b]`.
fn pool(text: &str, number: usize) -> Result<Value, Diagnostic> {
    let here = Location::file("--pool");
    let wrong = |message: &str| {
        Diagnostic::error(here.clone(), message)
            .found(text)
            .help("write `5x8cpu,32Gi`, or `gpu=2x16cpu,64Gi,nvidia.com/gpu=4,zones=a+b`")
    };
    if text.len() > MAX_TEXT {
        return Err(wrong("too long for a pool"));
    }
    let mut parts = text.split(',').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let (name, machine) = match first.split_once('=') {
        Some((name, machine)) => (name.to_owned(), machine),
        None if number == 0 => ("pool".to_owned(), first),
        None => (format!("pool-{}", number + 1), first),
    };
    let (count, cores) =
        machine.split_once('x').ok_or_else(|| wrong("not a pool: there is no number of machines"))?;
    let cores = cores.strip_suffix("cpu").ok_or_else(|| wrong("not a pool: there are no cores"))?;
    let memory = parts
        .next()
        .filter(|part| !part.contains('='))
        .ok_or_else(|| wrong("not a pool: there is no memory"))?;
    let mut pool = Value::map(here.clone());
    put(&mut pool, &["name"], Data::Scalar { text: name, is_text: true });
    let mut plain = |path: &[&str], text: &str| {
        put(&mut pool, path, Data::Scalar { text: text.to_owned(), is_text: false });
    };
    plain(&["count"], count);
    plain(&["capacity", "cpu"], cores);
    plain(&["capacity", "memory"], memory);
    let mut zones = Vec::new();
    for part in parts {
        let (key, value) = part.split_once('=').ok_or_else(|| wrong("not `resource=amount`"))?;
        if key == "zones" {
            if value.split('+').any(str::is_empty) {
                return Err(wrong("a zone has no name"));
            }
            zones.extend(value.split('+').map(|zone| Value::text(here.clone(), zone)));
        } else {
            plain(&["capacity", key], value);
        }
    }
    put(&mut pool, &["zones"], Data::List(zones));
    Ok(pool)
}
