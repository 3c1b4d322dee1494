//! Locks, permissions, leftovers, signals, symbolic links, and input that is larger than it looks.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use duo_metrics::aggregate::history::History;
use duo_metrics::system::lock::FolderLock;

use crate::bench::{
    Bench, CommandResult, bare_command, compressed, decompressed, files_below, lines_of, run_command,
};

/// Records of one collector and a few days.
fn records(bench: &Bench) -> Vec<u8> {
    bench.normalize(&bench.fetch(&["--since", "2026-10-29", "--collector", "usage_events"]))
}

/// A bench whose folder `history` has the records.
fn bench_with_history() -> (Bench, Vec<u8>) {
    let bench = Bench::new(20, 4);
    let records = records(&bench);
    let result = bench.pipe(&["aggregate", "--history", "history"], &records);
    assert_eq!(result.code, 0, "{}", result.stderr);
    (bench, records)
}

fn history(bench: &Bench, arguments: &[&str]) -> CommandResult {
    bench.run(&[&["history", "--history", "history"], arguments].concat())
}

fn history_files(bench: &Bench) -> Vec<PathBuf> {
    History::open(&bench.path("history")).and_then(|history| history.files()).expect("a history")
}

/// The binary under a shell, which sets what the arguments of the binary cannot.
fn under_shell(bench: &Bench, script: &str, arguments: &[&str], input: &[u8]) -> CommandResult {
    let binary = bare_command(bench.folder(), &[]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).arg(binary.get_program()).args(arguments).current_dir(bench.folder());
    command.env_clear().env("DUO_METRICS_NOW", "2026-11-01T03:00:00Z").env("GITLAB_URL", bench.gitlab.url());
    command.env("DUO_TOKEN", crate::bench::TOKEN).env("GROUP_PATH", "acme");
    run_command(command, input)
}

#[test]
fn one_command_at_a_time_changes_a_history() {
    let (bench, records) = bench_with_history();
    let exported = history(&bench, &["export"]).stdout;
    let before = files_below(&bench.path("history"));
    let lock = History::open(&bench.path("history")).and_then(|history| history.lock()).expect("it is free");
    let refused = |result: CommandResult| {
        assert_eq!(result.code, 75, "{}", result.stderr);
        assert!(result.stderr.contains("another run uses history"), "{}", result.stderr);
        assert!(result.stdout.is_empty());
    };
    refused(bench.pipe(&["aggregate", "--history", "history"], &records));
    refused(bench.pipe(&["history", "--history", "history", "import"], &exported));
    for change in [
        &["prune", "--keep-days", "1"][..],
        &["forget", "gid://gitlab/User/1"],
        &["rename", "--group", "acme", "other"],
        &["drop", "--group", "acme"],
    ] {
        refused(history(&bench, change));
    }
    let requests = bench.gitlab.requests().len();
    refused(bench.run(&["run", "--since", "2026-10-29", "--history", "history"]));
    assert_eq!(bench.gitlab.requests().len(), requests, "no requests");
    for read in ["list", "verify", "export"] {
        assert_eq!(history(&bench, &[read]).code, 0, "{read}");
    }
    assert_eq!(files_below(&bench.path("history")), before);
    drop(lock);
    assert_eq!(history(&bench, &["prune", "--keep-days", "1"]).code, 0);
}

#[test]
fn forgetting_and_pruning_include_damaged_files() {
    let (bench, records) = bench_with_history();
    let user = lines_of(&records, "event")[0]["user"].as_str().expect("text").to_owned();
    let path = |day: &str| {
        let files = history_files(&bench);
        files.into_iter().find(|path| path.to_string_lossy().contains(day)).expect("a file")
    };
    // One file that can still be read was moved aside, one cannot be read, and one is a stranger.
    let aside = bench.path("history/.damaged");
    fs::create_dir(&aside).expect("a folder");
    let readable = aside.join("usage_events-2026-10-29-0123456789abcdef.jsonl.gz");
    fs::copy(path("2026-10-29"), &readable).expect("copied");
    fs::rename(path("2026-10-30"), aside.join("usage_events-2026-10-30-0123456789abcdef.jsonl.gz"))
        .expect("moved");
    fs::write(path("2026-10-31"), b"not gzip").expect("written");
    fs::write(bench.path("history/notes.txt"), &user).expect("written");
    let forgotten = history(&bench, &["forget", &user]);
    assert_eq!(forgotten.code, 3, "{}", forgotten.stderr);
    assert!(forgotten.stderr.contains("usage_events/2026-10-31"), "{}", forgotten.stderr);
    assert!(forgotten.stderr.contains("history/notes.txt"), "{}", forgotten.stderr);
    for path in [
        readable.clone(),
        path("2026-10-29"),
        aside.join("usage_events-2026-10-30-0123456789abcdef.jsonl.gz"),
    ] {
        let text = decompressed(&fs::read(&path).expect("a file"));
        assert!(!String::from_utf8_lossy(&text).contains(&user), "{}", path.display());
    }
    let nobody = history(&bench, &["forget", "gid://gitlab/User/0"]);
    assert!(nobody.code == 3 && nobody.stderr.contains("nobody with this ID"), "{}", nobody.stderr);

    let pruned = history(&bench, &["prune", "--keep-days", "2"]);
    assert_eq!(pruned.code, 0, "{}", pruned.stderr);
    assert!(!readable.exists() && pruned.stderr.contains("2 files removed"), "{}", pruned.stderr);
    assert!(path("2026-10-31").exists(), "a damaged file ages like the others");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

#[test]
fn files_with_names_are_private_and_sites_follow_the_umask() {
    let bench = Bench::new(20, 4);
    let script = "umask 027; exec \"$0\" \"$@\"";
    let run = |arguments: &[&str], input: &[u8]| {
        let result = under_shell(&bench, script, arguments, input);
        assert!([0, 3].contains(&result.code), "{arguments:?}: {}", result.stderr);
        result.stdout
    };
    let raw = run(&["fetch", "--since", "2026-10-30", "--output-dir", "raw", "--state", "state"], b"");
    let records = run(&["normalize", "--dead-letter", "rejected.jsonl"], &[&raw[..], b"{}\n"].concat());
    let metrics = run(&["aggregate", "--history", "history"], &records);
    run(&["dashboard", "--duo"], &metrics);
    run(&["landing"], &metrics);
    for folder in ["raw", "history", "state"] {
        for (path, _) in files_below(&bench.path(folder)) {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    assert_eq!(mode(&bench.path("rejected.jsonl")), 0o600);
    for (path, _) in files_below(&bench.path("public")) {
        assert_eq!(mode(&path), 0o640, "{}", path.display());
    }
    assert_eq!(mode(&bench.path("public/duo-metrics")), 0o750);
    // Earlier releases let others read the history.
    let file = history_files(&bench).remove(0);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    run(&["aggregate", "--history", "history"], b"");
    assert_eq!(mode(&file), 0o600);
}

fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let is_leftover =
        |path: &PathBuf| path.iter().any(|name| name.to_string_lossy().starts_with(".duo-metrics-"));
    files_below(folder).into_iter().map(|(path, _)| path).filter(is_leftover).collect()
}

#[test]
fn leftovers_of_killed_runs_are_removed_and_those_of_living_runs_stay() {
    let (bench, records) = bench_with_history();
    let metrics = bench.pipe(&["aggregate"], &records).stdout;
    assert_eq!(bench.pipe(&["dashboard", "--duo"], &metrics).code, 0);
    for path in [
        "history/.duo-metrics-Ab3dEf",
        "history/usage_events/.duo-metrics-tmp-Ab3dEf",
        "state/.duo-metrics-tmp-Ab3dEf",
        ".duo-metrics-tmp-Ab3dEf",
        ".duo-metrics-new-Ab3dEf/index.html",
    ] {
        let path = bench.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "left").expect("written");
    }
    let living = bench.path(".duo-metrics-tmp-living");
    let lock = fs::File::create(&living).expect("a file");
    lock.lock_shared().expect("a lock");
    fs::write(bench.path(".duo-metrics-prices"), "of a user").expect("written");
    assert_eq!(leftovers(bench.folder()).len(), 7);
    assert_eq!(history(&bench, &["prune", "--keep-days", "9"]).code, 0);
    assert_eq!(bench.run(&["fetch", "--since", "2026-10-31", "--state", "state"]).code, 0);
    assert_eq!(bench.pipe(&["dashboard", "--duo"], &metrics).code, 0);
    assert_eq!(leftovers(bench.folder()), [bench.path(".duo-metrics-prices"), living]);
}

#[test]
fn a_signal_removes_temporary_files_unless_it_is_ignored() {
    let bench = Bench::new(20, 3);
    let arguments = ["normalize", "--dead-letter", "rejected.jsonl"];
    // Not the interrupt: a shell that runs the tests in the background makes them ignore it.
    for (signal, number, is_ignored) in [("TERM", 15, false), ("HUP", 1, false), ("TERM", 9, true)] {
        // A shell makes its commands ignore what it ignores.
        let script = if is_ignored { "trap '' TERM; exec \"$0\" \"$@\"" } else { "exec \"$0\" \"$@\"" };
        let binary = bare_command(bench.folder(), &[]);
        // Under nohup, the tests ignore HUP.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", "/bin/sh", "-c", script]).arg(binary.get_program());
        command.args(arguments).current_dir(bench.folder());
        // It waits for input.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        while leftovers(bench.folder()).is_empty() {
            assert!(child.try_wait().expect("a child process").is_none(), "it waits for input");
            std::thread::sleep(Duration::from_millis(1));
        }
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell").success());
        if is_ignored {
            std::thread::sleep(Duration::from_millis(50));
            child.kill().expect("it lives");
        }
        let status = child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(number), "{status}");
        assert_eq!(leftovers(bench.folder()).is_empty(), !is_ignored);
    }
}

#[test]
fn symbolic_links_are_not_followed_for_writing() {
    let (bench, records) = bench_with_history();
    let outside = bench.path("outside.json");
    fs::write(&outside, "precious").expect("written");
    let aggregate = || bench.pipe(&["aggregate", "--history", "history"], &records);
    for link in ["history/identity.json", "history/history.lock"] {
        let link = bench.path(link);
        let content = fs::read(&link).expect("a file");
        fs::remove_file(&link).expect("removed");
        symlink(&outside, &link).expect("a link");
        let refused = aggregate();
        assert!(
            refused.code == 78
                && refused
                    .stderr
                    .contains(&*link.to_string_lossy().rsplit('/').next().expect("a name").to_owned()),
            "{}",
            refused.stderr
        );
        fs::remove_file(&link).expect("removed");
        fs::write(&link, content).expect("written");
    }
    symlink(&outside, bench.path("people.csv")).expect("a link");
    let list = bench.pipe(&["export", "--people", "people.csv"], &records);
    assert!(list.code == 78 && list.stderr.contains("symbolic link"), "{}", list.stderr);
    assert_eq!(fs::read(&outside).expect("a file"), b"precious");
    // A folder of the history that is a link is not part of it.
    fs::rename(bench.path("history/usage_events"), bench.path("elsewhere")).expect("moved");
    symlink(bench.path("elsewhere"), bench.path("history/usage_events")).expect("a link");
    assert_eq!(history_files(&bench).len(), 0);
    assert!(FolderLock::acquire(&bench.path("history"), "history.lock", "wait").is_ok());
}

#[test]
fn a_small_file_that_unpacks_to_a_huge_one_is_reported() {
    let (bench, records) = bench_with_history();
    let victim = history_files(&bench).remove(0);
    let bomb = compressed(&vec![b' '; 200 << 20]);
    let original = fs::read(&victim).expect("a file");
    for damaged in [bomb, [&original[..], &original].concat()] {
        fs::write(&victim, &damaged).expect("written");
        assert_eq!(history(&bench, &["list"]).code, 65);
        let result = bench.pipe(&["aggregate", "--history", "history"], b"");
        assert!(result.code == 3 && result.stderr.contains("moved to "), "{}", result.stderr);
        assert!(!victim.exists());
    }
    assert_eq!(bench.pipe(&["aggregate", "--history", "history"], &records).code, 0);
}

#[test]
fn a_closed_standard_output_is_an_error() {
    let bench = Bench::new(20, 3);
    let run = |script: &str| under_shell(&bench, script, &["metrics"], b"");
    let closed = run("exec \"$0\" \"$@\" >&-");
    assert!(closed.code == 78 && closed.stderr.contains("standard output"), "{}", closed.stderr);
    for open in ["exec \"$0\" \"$@\" > /dev/null", "exec \"$0\" \"$@\" < /dev/null"] {
        assert_eq!(run(open).code, 0, "{open}");
    }
}

#[test]
fn a_history_without_a_key_and_a_weak_key_are_reported() {
    let (bench, records) = bench_with_history();
    let clear = bench.pipe(&["aggregate", "--history", "history"], &records);
    let warnings = clear.stderr.lines().filter(|line| line.contains("in clear")).count();
    assert_eq!((clear.code, warnings), (0, 1), "{}", clear.stderr);
    let mut command = bench.command(&["normalize"]);
    command.env("DUO_METRICS_PSEUDONYM_KEY", "aaaaaaaaaaaaaaaa");
    let weak = run_command(command, b"");
    assert!(weak.code == 2 && weak.stderr.contains("too simple"), "{}", weak.stderr);
    assert!(!weak.stderr.contains("aaaa"), "{}", weak.stderr);
    let without = bench.pipe(&["aggregate"], &records);
    assert!(!without.stderr.contains("in clear"), "{}", without.stderr);
}
