//! Other programs, in a process of their own that does a piece of work when it is told to.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::work::Work;

/// Everything that could start more threads than one.
const THREADS: [&str; 6] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
];

/// A program that is ready to do a piece of work.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    folder: PathBuf,
    /// Its version.
    pub version: String,
}

/// A run of it.
pub struct Run {
    /// Seconds a piece.
    pub seconds: f64,
    pub answer: Vec<f64>,
}

impl Peer {
    /// Starts a program and has it prepare for a piece of work; or says why it cannot.
    pub fn prepare(python: &Path, folder: &Path, work: &Work, against: &str) -> Result<Self, String> {
        let told = |e: std::io::Error| e.to_string();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/benches/performance/peers.py");
        let mut command = Command::new(python);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.envs(THREADS.map(|name| (name, "1")));
        let mut child = command.spawn().map_err(told)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("it has no input or no output".into());
        };
        let output = BufReader::new(output);
        let mut peer = Self { child, input, output, folder: folder.to_owned(), version: String::new() };
        let mut data = serde_json::Map::new();
        for (name, numbers) in &work.data {
            let path = folder.join(format!("{name}.f64"));
            let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
            fs::write(&path, bytes).map_err(told)?;
            data.insert((*name).to_owned(), json!(path));
        }
        let request =
            json!({ "kind": work.kind, "against": against, "settings": work.settings, "data": data });
        let reply = peer.ask(&request)?;
        reply["version"].as_str().unwrap_or_default().clone_into(&mut peer.version);
        Ok(peer)
    }

    /// Does the work once.
    pub fn run(&mut self) -> Result<Run, String> {
        let path = self.folder.join("answer.f64");
        let reply = self.ask(&json!({ "answer": path }))?;
        let bytes = fs::read(&path).map_err(|e| e.to_string())?;
        let answer = bytes.as_chunks().0.iter().map(|number| f64::from_le_bytes(*number)).collect();
        let (seconds, pieces) = (reply["seconds"].as_f64(), reply["pieces"].as_f64());
        match (seconds, pieces) {
            (Some(seconds), Some(pieces)) => Ok(Run { seconds: seconds / pieces, answer }),
            _ => Err("it gave no time".into()),
        }
    }

    fn ask(&mut self, request: &Value) -> Result<Value, String> {
        let mut line = String::new();
        let asked = writeln!(self.input, "{request}").and_then(|()| self.output.read_line(&mut line));
        asked.map_err(|e| e.to_string())?;
        let reply: Value =
            serde_json::from_str(&line).map_err(|_| "it ended without an answer".to_owned())?;
        match reply["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(reply),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
