//! The static program and the job image, tested without a registry.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::bench::{
    Bench, CommandResult, TOKEN, bare_command, decompressed, files_below, is_compressed, run_command,
};
use crate::pipelines::{KEY, documents, root};
use crate::tools::{Tool, are_available};

/// The program as `DUO_METRICS_STATIC_PROGRAM` names it (`tests/run` builds it with the release profile); without one it is
/// linked as in a release but without optimization, which is slow and does not change linking.
pub(crate) fn static_program() -> PathBuf {
    if let Some(program) = std::env::var_os("DUO_METRICS_STATIC_PROGRAM") {
        return PathBuf::from(program);
    }
    let version =
        Command::new("rustc").arg("-vV").stderr(Stdio::inherit()).output().expect("the compiler runs");
    let version = String::from_utf8(version.stdout).expect("text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("its host").to_owned();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args([
        "build",
        "--quiet",
        "--locked",
        "--bin",
        "duo-metrics",
        "--target",
        &host,
    ]);
    command.args(["--config", "profile.dev.debug=false", "--target-dir"]).arg(&folder);
    command.env("RUSTFLAGS", "-C target-feature=+crt-static").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let built = run_command(command, b"");
    assert_eq!(built.code, 0, "{}", built.stderr);
    folder.join(host).join("debug/duo-metrics")
}

pub(crate) fn script(name: &str, arguments: &[&Path]) -> CommandResult {
    let mut command = Command::new(root().join("image").join(name));
    command.args(arguments);
    run_command(command, b"")
}

#[test]
fn the_image_is_static_and_contains_all_tools_of_the_jobs() {
    if !are_available(&[Tool::GitlabCiLocal, Tool::Program("busybox"), Tool::Program("readelf")]) {
        return;
    }
    let bench = Bench::new(20, 7);
    let program = static_program();
    let checked = script("check-static", &[&program]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let dynamic = PathBuf::from(bare_command(root(), &[]).get_program());
    assert_eq!(script("check-static", &[&dynamic]).code, 1, "the check can fail");

    let folder = bench.path("root");
    let assembled = script("root", &[&program, &folder]);
    assert_eq!(assembled.code, 0, "{}", assembled.stderr);
    assert_valid_image(&bench, &folder);

    // Running the jobs in sequence in one folder has the same effect as artifacts.
    let jobs = documents(&root().join("component.yml")).remove(1);
    for (id, job) in ["fetch-duo", "fetch-project", "process", "publish"].iter().enumerate() {
        if *job == "process" {
            // What an earlier pipeline left, and a second include in the same one.
            let left = "for name in duo-metrics:6-1 globex:7-1; do\n\
                mkdir .duo-metrics/raw/$name; echo nonsense | tee .duo-metrics/raw/$name/x.jsonl > .duo-metrics/handed-over/$name.jsonl.gz\n\
                done\n\
                cd .duo-metrics; mkdir -p duo-metrics:history; echo nonsense > duo-metrics:history/x.jsonl.gz\n";
            assert_eq!(run_in_root(&bench, &folder, id, left).code, 0);
        }
        let script: String = jobs[format!("$[[ inputs.job_prefix ]]{job}")]["script"]
            .as_array()
            .expect("a script")
            .iter()
            .map(|line| format!("{}\n", line.as_str().expect("text")))
            .collect();
        let ran = run_in_root(&bench, &folder, id, &script);
        assert_eq!(ran.code, 0, "{job}: {} {}", String::from_utf8_lossy(&ran.stdout), ran.stderr);
    }
    let site: Vec<PathBuf> =
        files_below(&folder.join("builds/public")).into_iter().map(|(path, _)| path).collect();
    let pages = site.iter().filter(|path| !is_compressed(path)).count();
    assert_eq!((pages, site.len()), (7, 3 * 7), "each with its compressed copies: {site:?}");
    assert!(folder.join("builds/.duo-metrics/history.jsonl.gz").is_file());
    let report =
        std::fs::read_to_string(folder.join("builds/.duo-metrics/openmetrics.txt")).expect("a report");
    assert!(report.ends_with("# EOF\n") && report.lines().count() > 20, "{report}");
    let annotations = std::fs::read(folder.join("builds/.duo-metrics/annotations.json")).expect("a report");
    let annotations: Value = serde_json::from_slice(&annotations).expect("JSON");
    assert_eq!(
        annotations["dashboards"][0]["external_link"]["url"],
        "https://acme.pages.example.com/metrics/duo"
    );
    let tools = run_in_root(&bench, &folder, 9, "id -u; echo yes | grep -q yes && ls /etc/ssl/certs");
    assert_eq!(
        String::from_utf8_lossy(&tools.stdout).lines().last(),
        Some("ca-certificates.crt"),
        "{}",
        tools.stderr
    );
}

/// Runs a shell script with the folder as root directory, if possible as an unprivileged user.
pub(crate) fn run_in_root(bench: &Bench, folder: &Path, id: usize, script: &str) -> CommandResult {
    let is_root = run_command(command("id", &["-u"]), b"").stdout == b"0\n";
    let folder = folder.to_str().expect("text");
    let mut command = if is_root {
        command("chroot", &["--userspec=1000:1000", folder, "/bin/sh", "-e"])
    } else {
        command("unshare", &["--map-root-user", "chroot", folder, "/bin/sh", "-e"])
    };
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin")
        .env("HOME", "/builds")
        .env("CI", "true");
    command.env("GITLAB_URL", bench.gitlab.url()).env("GROUP_PATH", "acme").env("DUO_METRICS_TOKEN", TOKEN);
    command.env("ENABLE_DUO_METRICS", "true").env("ENABLE_PROJECT_METRICS", "true");
    command.env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z").env("DUO_METRICS_PSEUDONYM_KEY", KEY);
    command.env("DUO_METRICS_JOB_PREFIX", "duo-metrics:").env("CI_JOB_ID", id.to_string());
    command.env("CI_PIPELINE_ID", "7");
    command.env("DUO_METRICS_OUTPUT_DIR", ".duo-metrics/raw").env("DUO_METRICS_FOLDER", "public/duo");
    command.env("DUO_METRICS_PUBLISH", "true").env("CI_PAGES_URL", "https://acme.pages.example.com/metrics");
    run_command(command, format!("cd /builds\n{script}").as_bytes())
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Asserts that digests and sizes in the layout are correct, and that it is reproducible.
fn assert_valid_image(bench: &Bench, folder: &Path) {
    let layouts = ["one", "two"].map(|name| {
        let layout = bench.path(name);
        let packed = script("pack", &[&layout, Path::new("1.2.3"), Path::new("amd64"), folder]);
        assert_eq!(packed.code, 0, "{}", packed.stderr);
        layout
    });
    let files = layouts.clone().map(|layout| {
        let name = |path: PathBuf| path.strip_prefix(&layout).expect("it is below").to_owned();
        files_below(&layout).into_iter().map(|(path, content)| (name(path), content)).collect::<Vec<_>>()
    });
    assert!(files[0] == files[1]);
    assert_eq!(files[0].len(), 6, "two indexes, a version, a manifest, a configuration and a layer");
    let read =
        |path: &str| std::fs::read(layouts[0].join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let hex =
        |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let blob = |descriptor: &Value| {
        let digest =
            descriptor["digest"].as_str().and_then(|text| text.strip_prefix("sha256:")).expect("a digest");
        let content = read(&format!("blobs/sha256/{digest}"));
        assert_eq!(hex(&content), digest);
        assert_eq!(descriptor["size"], content.len());
        content
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON");
    let index = json(&blob(&json(&read("index.json"))["manifests"][0]));
    assert_eq!(index["manifests"][0]["platform"]["architecture"], "amd64");
    let manifest = json(&blob(&index["manifests"][0]));
    let config = json(&blob(&manifest["config"]));
    let layer = decompressed(&blob(&manifest["layers"][0]));
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex(&layer)));
    assert_eq!(config["config"]["User"], "1000:1000");
    assert!(config["config"]["Entrypoint"].is_null());
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], "1.2.3");
}
