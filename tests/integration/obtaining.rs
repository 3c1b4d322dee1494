//! The ways to obtain the program, as the documents describe them: with a real container registry, a
//! package endpoint and git repositories on this machine in place of GitLab.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bench::{Bench, CommandResult, bare_command, run_command};
use crate::image::{run_in_root, script, static_program};
use crate::package_server::{JOB_TOKEN, PackageServer};
use crate::pipelines::{Project, read, root};
use crate::release::{VERSION, archive, copy, output};
use crate::tools::{Tool, are_available};

/// The block of code in a document that contains this text, without its indentation.
fn block(document: &str, text: &str) -> String {
    let document = read(document);
    let mut blocks = document.split("```").skip(1).step_by(2);
    let block = blocks.find(|block| block.contains(text)).unwrap_or_else(|| panic!("no block with {text}"));
    let (_language, block) = block.split_once('\n').expect("lines");
    let indentation = block.len() - block.trim_start_matches(' ').len();
    block.lines().map(|line| format!("{}\n", line.get(indentation..).unwrap_or_default())).collect()
}

/// The same commands for another address.
fn with(commands: &str, from: &str, to: &str) -> String {
    assert!(commands.contains(from), "{commands} contains {from}");
    commands.replace(from, to)
}

/// Runs commands as a user would who has this folder as home, and no other variables.
fn run_commands(commands: &str, home: &Path) -> CommandResult {
    let mut command = Command::new("sh");
    command.current_dir(home).env_clear().env("HOME", home).args(["-e", "-c", commands]);
    command.env("PATH", std::env::var_os("PATH").expect("a search path"));
    run_command(command, b"")
}

fn assert_runs(program: &Path) {
    let mut command = Command::new(program);
    command.arg("--version");
    let result = run_command(command, b"");
    assert_eq!(String::from_utf8_lossy(&result.stdout), format!("duo-metrics {VERSION}\n"));
}

/// The project as documents write it.
fn url() -> &'static str {
    env!("CARGO_PKG_REPOSITORY")
}

fn project() -> &'static str {
    url().splitn(4, '/').nth(3).expect("a path")
}

#[test]
fn a_release_is_uploaded_downloaded_and_verified_as_documented() {
    if !are_available(&[Tool::Program("curl"), Tool::Program("tar"), Tool::Program("git")]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let dist = folder.path().join("dist");
    for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        archive(target, &dist);
    }
    let dist_name = dist.to_str().expect("text");
    output(root(), "release/checksums", &[dist_name]);

    let server = PackageServer::start(&folder.path().join("packages"));
    let upload = |token: &str| {
        let mut command = Command::new(root().join("release/upload"));
        command.args([dist_name, &server.package(VERSION)]).env("CI_JOB_TOKEN", token);
        run_command(command, b"")
    };
    let refused = upload("wrong");
    assert!(refused.code != 0 && refused.stderr.contains("401"), "{}", refused.stderr);
    let uploaded = upload(JOB_TOKEN);
    assert_eq!(uploaded.code, 0, "{}", uploaded.stderr);

    // Both documents contain the same commands.
    let commands = block("README.md", "sha256sum --check");
    assert_eq!(commands, block("docs/obtaining.md", "sha256sum --check"));
    let commands = with(&commands, url(), &server.url(project()));
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    let installed = home.join(".local/bin/duo-metrics");
    let result = run_commands(&commands, &home);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(String::from_utf8_lossy(&result.stdout).contains("-x86_64-unknown-linux-musl.tar.gz: OK"));
    assert_runs(&installed);
    let other = with(&commands, "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl");
    assert_eq!(run_commands(&other, &home).code, 0);

    // An archive that is not the one of the release.
    std::fs::remove_file(&installed).expect("removed");
    let name = format!("duo-metrics-{VERSION}-x86_64-unknown-linux-musl");
    std::fs::remove_dir_all(home.join(&name)).expect("removed");
    let stored = folder.path().join("packages").join(VERSION).join(format!("{name}.tar.gz"));
    let mut bytes = std::fs::read(&stored).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&stored, bytes).expect("written");
    let tampered = run_commands(&commands, &home);
    assert!(tampered.code != 0 && tampered.stderr.contains("did NOT match"), "{}", tampered.stderr);
    assert!(!installed.exists() && !home.join(&name).exists(), "nothing of it is unpacked");
    // A release that does not exist: curl fails, and no page of an error is unpacked.
    let missing = run_commands(&with(&commands, &format!("version={VERSION}"), "version=9.9.9"), &home);
    assert!(missing.code != 0 && missing.stderr.contains("404"), "{}", missing.stderr);
}

#[test]
fn binstall_finds_the_program_of_a_release() {
    if !are_available(&[Tool::Program("curl"), Tool::Program("tar"), Tool::Program("git")]) {
        return;
    }
    let metadata =
        output(root(), env!("CARGO"), &["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let package = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .find(|package| package["name"] == "duo-metrics");
    let package = package.expect("the package");
    let target = "x86_64-unknown-linux-musl";
    let rendered = |key: &str| {
        let mut text = package["metadata"]["binstall"][key].as_str().expect("a template").to_owned();
        for (name, value) in [
            ("repo", package["repository"].as_str().expect("a URL")),
            ("name", "duo-metrics"),
            ("bin", "duo-metrics"),
            ("version", VERSION),
            ("target", target),
        ] {
            text = text.replace(&format!("{{ {name} }}"), value);
        }
        assert!(!text.contains('{'), "{text}");
        text
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = PackageServer::start(&folder.path().join("packages"));
    archive(target, &folder.path().join("packages").join(VERSION));
    assert_eq!(package["metadata"]["binstall"]["pkg-fmt"], "tgz");
    let url = with(&rendered("pkg-url"), url(), &server.url(project()));
    output(folder.path(), "curl", &["--fail", "--silent", "--location", "--output", "archive.tgz", &url]);
    output(folder.path(), "tar", &["-xzf", "archive.tgz"]);
    assert_runs(&folder.path().join(rendered("bin-dir")));
}

#[test]
fn a_mirror_has_the_component_of_the_release() {
    if !are_available(&[Tool::Program("git")]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let copy = copy(folder.path());
    output(&copy, "git", &["tag", VERSION]);
    output(folder.path(), "git", &["init", "--quiet", "--bare", "mirror.git"]);
    let commands = block("docs/obtaining.md", "git clone --bare");
    // A folder that is named like the project, because git names the clone after it.
    std::fs::rename(&copy, folder.path().join("duo-metrics")).expect("renamed");
    let origin = format!("file://{}", folder.path().join("duo-metrics").display());
    let commands = with(&commands, &format!("{}.git", url()), &format!("{origin}/.git duo-metrics.git"));
    let mirror = format!("file://{}", folder.path().join("mirror.git").display());
    let commands = with(&commands, "https://gitlab.example.com/platform/duo-metrics.git", &mirror);
    let result = run_commands(&commands, folder.path());
    assert_eq!(result.code, 0, "{}", result.stderr);
    let component = output(
        &folder.path().join("mirror.git"),
        "git",
        &["show", &format!("{VERSION}:templates/duo-metrics.yml")],
    );
    assert_eq!(component, read("templates/duo-metrics.yml"));
}

#[test]
fn a_program_in_the_consumers_project_needs_no_registry() {
    if !are_available(&[Tool::GitlabCiLocal, Tool::Program("tar"), Tool::Program("git")]) {
        return;
    }
    let pipeline = block("docs/obtaining.md", "tools/duo-metrics-");
    let include = format!("component: $CI_SERVER_FQDN/platform/duo-metrics/duo-metrics@{VERSION}");
    let pipeline = with(&pipeline, &include, "local: templates/duo-metrics.yml");
    let bench = Bench::new(20, 7);
    let folder = tempfile::tempdir().expect("a folder");
    archive("x86_64-unknown-linux-musl", folder.path());
    let name = format!("duo-metrics-{VERSION}-x86_64-unknown-linux-musl.tar.gz");
    let archive = std::fs::read(folder.path().join(&name)).expect("the archive");
    let project = Project::new(&bench, "no-registry", &pipeline)
        .without_our_program()
        .with("ENABLE_DUO_METRICS", "true")
        .with("DUO_METRICS_DAYS", "7");
    project.commit(&format!("tools/{name}"), &archive);
    let run = project.run();
    assert!(run.passed && run.jobs.values().all(|status| status == "PASS"), "{}", run.log);
    let page = project.artifact("duo-metrics:publish", "public/duo-metrics/index.html");
    assert!(page.is_some_and(|page| page.len() > 10_000));
}

/// A container registry on the loopback interface, with one user; it stops when dropped.
struct Registry {
    process: Child,
    address: String,
}

const REGISTRY_PASSWORD: &str = "registry-password";
/// The password by bcrypt, which is all that the registry accepts.
const REGISTRY_USERS: &str = "robot:$2b$04$WrrcELN7IHGRNmWg2gmQ5e3qUQEOf5zJUwCMhTeJT4gEJqG1vON/G\n";

impl Registry {
    fn start(folder: &Path) -> Registry {
        std::fs::create_dir_all(folder).expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let users = folder.join("users");
        std::fs::write(&users, REGISTRY_USERS).expect("written");
        let configuration = folder.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {store}}}}}\n\
             http: {{addr: \"{address}\"}}\nauth: {{htpasswd: {{realm: test, path: {users}}}}}\n",
            store = folder.join("store").display(),
            users = users.display(),
        );
        std::fs::write(&configuration, text).expect("written");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the registry starts");
        let registry = Registry { process, address };
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(&registry.address).is_err() {
            assert!(Instant::now() < deadline, "the registry does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_image_goes_through_a_registry_to_a_mirror_at_another_path_and_starts() {
    if !are_available(&[Tool::Program("docker-registry"), Tool::Program("skopeo"), Tool::Program("busybox")])
    {
        return;
    }
    let bench = Bench::new(20, 3);
    let assembled = bench.path("assembled");
    let result = script("root", &[&static_program(), &assembled]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    // Both architectures have the same files here: the registry does not look into them.
    let layout = bench.path("layout");
    let arguments =
        [&layout, Path::new(VERSION), Path::new("amd64"), &assembled, Path::new("arm64"), &assembled];
    let result = script("pack", &arguments);
    assert_eq!(result.code, 0, "{}", result.stderr);

    let (ours, theirs) = (Registry::start(&bench.path("ours")), Registry::start(&bench.path("theirs")));
    // On the loopback interface there is no TLS.
    let insecure = |address: &str| format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n");
    let settings = bench.path(".config/containers");
    std::fs::create_dir_all(&settings).expect("a folder");
    std::fs::write(settings.join("registries.conf"), insecure(&ours.address) + &insecure(&theirs.address))
        .expect("written");
    let in_job = |mut command: Command, password: &str| {
        command.env("HOME", bench.folder());
        command.env("REGISTRY_AUTH_FILE", bench.path("login"));
        command.env("CI_REGISTRY", &ours.address).env("CI_REGISTRY_USER", "robot");
        command.env("CI_REGISTRY_PASSWORD", password);
        run_command(command, b"")
    };
    let push = |source: &str, image: &str, password: &str| {
        let mut command = Command::new(root().join("image/push"));
        command.args([source, image]);
        in_job(command, password)
    };
    let ours_at = |tag: &str| format!("{}/{}:{tag}", ours.address, project());
    let layout = format!("oci:{}", layout.display());
    let refused = push(&layout, &ours_at("commit"), "wrong");
    assert!(refused.code != 0 && !refused.stderr.contains(REGISTRY_PASSWORD), "{}", refused.stderr);
    let pushed = push(&layout, &ours_at("commit"), REGISTRY_PASSWORD);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let digest = String::from_utf8(pushed.stdout).expect("text").trim().to_owned();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    // A release gives the same image another tag.
    let tagged = push(&format!("docker://{}", ours_at("commit")), &ours_at(VERSION), REGISTRY_PASSWORD);
    assert_eq!(String::from_utf8_lossy(&tagged.stdout).trim(), digest, "{}", tagged.stderr);

    let shell = |commands: &str| {
        let mut command = Command::new("sh");
        command.current_dir(bench.folder()).args(["-e", "-c", commands]);
        let result = in_job(command, REGISTRY_PASSWORD);
        assert_eq!(result.code, 0, "{commands}: {}", result.stderr);
        String::from_utf8(result.stdout).expect("text")
    };
    for registry in [&ours, &theirs] {
        shell(&format!("skopeo login --username robot --password {REGISTRY_PASSWORD} {}", registry.address));
    }
    let commands = block("docs/obtaining.md", "skopeo copy");
    let commands =
        with(&commands, &format!("registry.gitlab.com/{}:{VERSION}", project()), &ours_at(VERSION));
    let mirrored = format!("{}/platform/duo-metrics", theirs.address);
    shell(&with(&commands, "registry.example.com/platform/duo-metrics", &mirrored));
    let raw = shell(&format!("skopeo inspect --raw docker://{mirrored}:{VERSION} | sha256sum"));
    assert_eq!(format!("sha256:{}", &raw[..64]), digest, "the mirror has the same digest");

    // Pull it by its digest, and start it from its layers.
    let pulled = bench.path("pulled");
    let mut environment = String::new();
    for architecture in ["arm64", "amd64"] {
        shell(&format!(
            "rm -rf pulled && skopeo --override-arch {architecture} copy docker://{mirrored}@{digest} dir:pulled"
        ));
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(pulled.join("manifest.json")).expect("a manifest"))
                .expect("JSON");
        let blob = |descriptor: &Value| {
            pulled.join(
                descriptor["digest"]
                    .as_str()
                    .and_then(|digest| digest.strip_prefix("sha256:"))
                    .expect("a digest"),
            )
        };
        let configuration: Value =
            serde_json::from_slice(&std::fs::read(blob(&manifest["config"])).expect("a configuration"))
                .expect("JSON");
        assert_eq!(configuration["architecture"], architecture);
        let variables = configuration["config"]["Env"].as_array().expect("variables").iter();
        environment =
            variables.map(|variable| format!("export {}\n", variable.as_str().expect("text"))).collect();
        std::fs::create_dir_all(bench.path("started")).expect("a folder");
        shell(&format!("tar -xzf {} -C started", blob(&manifest["layers"][0]).display()));
    }
    let started = bench.path("started");
    std::fs::copy(root().join("image/try"), started.join("builds/try")).expect("copied");
    let tried = run_in_root(&bench, &started, 1, &format!("{environment}/builds/try; id -u"));
    assert_eq!(tried.code, 0, "{}", tried.stderr);
    assert_eq!(String::from_utf8_lossy(&tried.stdout), format!("duo-metrics {VERSION}\n1000\n"));
    // It notices what is missing.
    std::fs::remove_file(started.join("bin/grep")).expect("removed");
    let incomplete = run_in_root(&bench, &started, 1, &format!("{environment}/builds/try"));
    assert!(incomplete.code != 0 && incomplete.stderr.contains("grep: not found"), "{}", incomplete.stderr);
}

#[test]
fn the_documents_name_this_version() {
    for (file, at_least) in [("README.md", 3), ("docs/obtaining.md", 6), ("docs/upgrading.md", 1)] {
        let text = read(file);
        let versions: Vec<&str> =
            ["duo-metrics@", "version=", "--tag ", "duo-metrics:", "duo-metrics-", "main "]
                .into_iter()
                .flat_map(|before| text.split(before).skip(1))
                .map(|rest| {
                    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
                    rest[..end].trim_end_matches('.')
                })
                .filter(|version| version.matches('.').count() == 2)
                .collect();
        assert!(versions.len() >= at_least, "{file}: {versions:?}");
        assert!(versions.iter().all(|version| *version == VERSION), "{file}: {versions:?}");
    }
    let install = format!("cargo install --locked --git {}.git --tag {VERSION} duo-metrics", url());
    for file in ["README.md", "docs/obtaining.md"] {
        assert!(read(file).contains(&install), "{file}: {install}");
    }
    let program = bare_command(root(), &["--version"]);
    assert_eq!(run_command(program, b"").stdout, format!("duo-metrics {VERSION}\n").as_bytes());
}
