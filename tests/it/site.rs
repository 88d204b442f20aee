//! The documentation holds together: each relative link leads to a file and a heading that are there, and the site has every page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages of the documentation and of the folders that it speaks of.
fn pages() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["README.md", "CHANGELOG.md", "editors/README.md"]
        .iter()
        .map(|name| root().join(name))
        .collect();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// A page without its code blocks and code spans, in which nothing is a link.
fn prose(page: &Path) -> String {
    let text = std::fs::read_to_string(page).unwrap();
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    let lines: Vec<&str> = lines.collect();
    let text = lines.join("\n");
    text.split('`').step_by(2).collect::<Vec<_>>().join("code")
}

/// The targets of the links of a page.
fn links(page: &Path) -> Vec<String> {
    let text = prose(page);
    let ends = text.match_indices("](").map(|(at, _)| &text[at + 2..]);
    ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned()))
        .collect()
}

/// The anchors of a page's headings, as mdBook and code hosts name them.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) else {
            continue;
        };
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let slug: String = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let times = seen.entry(slug.clone()).or_default();
        found.insert(if *times == 0 {
            slug
        } else {
            format!("{slug}-{times}")
        });
        *times += 1;
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for link in links(&page) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(path)
            };
            let there = target.exists();
            if !there || (!anchor.is_empty() && !anchors(&target).contains(anchor)) {
                wrong.push(format!(
                    "{}: {link}",
                    page.strip_prefix(root()).unwrap().display()
                ));
            }
        }
    }
    assert!(seen > 60, "{seen}");
    assert_eq!(wrong, Vec::<String>::new());
}

/// The site's table of contents is what the index links, in its order.
#[test]
fn the_site_has_every_page_of_the_index() {
    let docs = root().join("docs");
    let own = |page: &str| -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for link in links(&docs.join(page)) {
            let path = link.split('#').next().unwrap().to_owned();
            if path.ends_with(".md")
                && !path.starts_with("..")
                && path != "README.md"
                && !found.contains(&path)
            {
                found.push(path);
            }
        }
        found
    };
    assert_eq!(own("SUMMARY.md"), own("README.md"));
    toml::de::DeTable::parse(&std::fs::read_to_string(docs.join("book.toml")).unwrap()).unwrap();
}
