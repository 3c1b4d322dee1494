//! The script of the pages: plain files that are put behind each other, without a build step.

/// The files that draw either dashboard, with those of the sections between.
macro_rules! files {
    ($($section:literal),*) => {
        &[
            include_str!("../../../templates/html/script/figures.js"),
            include_str!("../../../templates/html/script/words.js"),
            include_str!("../../../templates/html/script/elements.js"),
            include_str!("../../../templates/html/script/state.js"),
            include_str!("../../../templates/html/script/filters.js"),
            include_str!("../../../templates/html/script/chart.js"),
            include_str!("../../../templates/html/script/table.js"),
            include_str!("../../../templates/html/script/sections.js"),
            $(include_str!(concat!("../../../templates/html/script/", $section)),)*
            include_str!("../../../templates/html/script/main.js"),
        ]
    };
}

/// The files of the dashboard on GitLab Duo.
pub(super) const DUO: &[&str] = files![
    "adoption.js",
    "suggestions.js",
    "chat.js",
    "features.js",
    "agents.js",
    "workflow.js",
    "impact.js",
    "duo.js"
];

/// The files of the dashboard on merge requests and pipelines.
pub(super) const PROJECT: &[&str] = files!["project.js"];

/// The files as one script in a scope of its own, without comments on lines of their own and without indentation.
/// Nothing where there are none.
pub(super) fn joined(files: &[&str]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let mut script = String::from("\"use strict\";(()=>{\n");
    let mut in_comment = false;
    for line in files.iter().flat_map(|file| file.lines()).map(str::trim) {
        in_comment |= line.starts_with("/*");
        if !in_comment && !line.is_empty() && !line.starts_with("//") {
            script.push_str(line);
            script.push('\n');
        }
        in_comment &= !line.ends_with("*/");
    }
    script.push_str("})();\n");
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_comments_and_keeps_code() {
        let file =
            "// one\n/** two\n * three\n */\nconst four = \"// five\"; // six\n\n  /* seven */\n  eight();\n";
        assert_eq!(
            joined(&[file]),
            "\"use strict\";(()=>{\nconst four = \"// five\"; // six\neight();\n})();\n"
        );
        assert_eq!(joined(&[]), "");
    }

    #[test]
    fn no_module_can_end_the_script_element() {
        for file in DUO.iter().chain(PROJECT) {
            assert!(!file.contains("</") && !file.contains("<!--"));
        }
    }
}
