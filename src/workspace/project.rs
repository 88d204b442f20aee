//! A project that is being worked on: texts that change under our hands, what was made of them, and what is still true of it.
//!
//! The editor server asks here and nowhere else. What is found in a text is what `rot check` finds: the same analysis, the same
//! settings, the same suppressions.

use super::config::{self, Config, FILE_NAME};
use super::files::Unreadable;
use super::inputs::{self, looks_like_conductor};
use super::load::{self, Form, Loaded};
use super::suppress::{self, Setting};
use super::texts::{Overlay, Texts, plain};
use super::{FrontEnds, pointer};
use crate::diagnostic::{Diagnostic, Severity};
use crate::json;
use crate::plan::index::Index;
use crate::report::Blanks;
use crate::source::{FileId, SourceFile, SourceMap, Span};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files that are looked through for uses of a name, at most.
const MOST_FILES: usize = 2_000;

/// What was made of one text.
pub struct View {
    /// Where the text is.
    pub path: PathBuf,
    /// The text.
    pub file: SourceFile,
    /// What it says.
    pub loaded: Loaded,
    /// What is found in it, after what people decided.
    pub findings: Vec<Diagnostic>,
    /// What is never repeated to anybody.
    pub blanks: Blanks,
    /// The settings that held.
    pub settings: Arc<Settings>,
    /// What was read for it.
    reads: BTreeSet<PathBuf>,
    revision: u64,
}

impl View {
    /// The number of the text itself among its sources.
    pub const OWN: u32 = 0;

    /// The id of the text itself.
    pub fn id(&self) -> FileId {
        FileId::new(Self::OWN as usize)
    }

    /// The text and the path of a file among the sources.
    pub fn source(&self, id: FileId) -> Option<(PathBuf, &SourceFile)> {
        let file = self.loaded.sources.get(id)?;
        Some((plain(Path::new(file.name())), file))
    }

    /// The findings in the text itself.
    pub fn own(&self) -> impl Iterator<Item = &Diagnostic> {
        let id = self.id();
        self.findings.iter().filter(move |d| d.span().file == id)
    }

    /// Whether it is a text of this program: a `.rot` file, or JSON that looks like Conductor.
    pub fn is_ours(&self) -> bool {
        is_ours(&self.path, self.file.text())
    }

    /// Whether nothing hides a part of it.
    pub fn is_whole(&self) -> bool {
        !self
            .loaded
            .findings
            .iter()
            .any(|d| d.severity == Severity::Error && suppress::hides_others(d))
    }
}

/// Settings, with what is wrong with them.
pub struct Settings {
    /// What holds.
    pub config: Config,
    /// The text that it was read from.
    pub sources: SourceMap,
    /// What is wrong with it; then the defaults hold.
    pub findings: Vec<Diagnostic>,
}

/// A project that is being worked on.
pub struct Project {
    overlay: Overlay,
    open: BTreeSet<PathBuf>,
    roots: Vec<PathBuf>,
    today: Date,
    revision: u64,
    changed: BTreeMap<PathBuf, u64>,
    views: HashMap<PathBuf, Arc<View>>,
    settings: HashMap<PathBuf, Arc<Settings>>,
    listed: Option<Vec<PathBuf>>,
}

impl Project {
    /// A project in these folders, on this day.
    pub fn new(roots: Vec<PathBuf>, today: Date) -> Self {
        Self {
            overlay: Overlay::default(),
            open: BTreeSet::new(),
            roots,
            today,
            revision: 0,
            changed: BTreeMap::new(),
            views: HashMap::new(),
            settings: HashMap::new(),
            listed: None,
        }
    }

    /// Suppressions are measured by this day from now on.
    pub fn set_today(&mut self, today: Date) {
        if self.today != today {
            self.today = today;
            self.views.clear();
        }
    }

    /// A text as the editor has it.
    pub fn set(&mut self, path: &Path, text: impl Into<Arc<str>>) {
        let path = plain(path);
        self.overlay.set(&path, text);
        if self.open.insert(path.clone()) {
            self.listed = None;
        }
        self.touch(path);
    }

    /// The text on the disk counts again.
    pub fn close(&mut self, path: &Path) {
        let path = plain(path);
        self.overlay.remove(&path);
        self.open.remove(&path);
        self.listed = None;
        self.touch(path);
    }

    /// Something else than the editor changed a file.
    pub fn touch(&mut self, path: PathBuf) {
        self.revision += 1;
        if path.file_name().is_some_and(|name| name == FILE_NAME) {
            self.settings.clear();
            self.views.clear();
        }
        if !self.open.contains(&path) {
            self.listed = None;
        }
        self.changed.insert(path, self.revision);
    }

    /// Anything on the disk may have changed: whoever watches files for us may miss some.
    pub fn refresh(&mut self) {
        self.revision += 1;
        self.settings.clear();
        self.views.clear();
        self.listed = None;
    }

    /// The texts that the editor holds.
    pub fn open(&self) -> impl Iterator<Item = &PathBuf> {
        self.open.iter()
    }

    /// Whether the editor holds a text.
    pub fn is_open(&self, path: &Path) -> bool {
        self.open.contains(path)
    }

    /// The text at a path, as the editor or the disk has it.
    pub fn text(&self, path: &Path) -> Option<String> {
        match self.overlay.get(path) {
            Some(text) => Some(text.to_owned()),
            None => self.overlay.read(path).ok(),
        }
    }

    /// What is to be said of a text, made anew only when something that it was made from has changed.
    pub fn view(&mut self, path: &Path) -> Option<Arc<View>> {
        let path = plain(path);
        if let Some(view) = self.views.get(&path).filter(|view| self.holds(view)) {
            return Some(Arc::clone(view));
        }
        let text = self.text(&path)?;
        let view = Arc::new(self.look(&path, &text, Index::on()));
        self.views.insert(path, Arc::clone(&view));
        Some(view)
    }

    fn stand(&mut self, path: &Path) -> Stand {
        Stand {
            settings: self.settings(path),
            today: self.today,
            revision: self.revision,
        }
    }

    /// Looks at a text as if it stood at a path, and keeps nothing of it.
    pub fn look(&mut self, path: &Path, text: &str, index: Index) -> View {
        let stand = self.stand(path);
        stand.look(path, text, index, &self.overlay)
    }

    /// The same among other texts than those that are there.
    pub fn look_among(&mut self, path: &Path, text: &str, among: &Overlay) -> View {
        self.stand(path).look(path, text, Index::on(), among)
    }

    /// The texts over those on the disk.
    pub fn overlay(&self) -> &Overlay {
        &self.overlay
    }

    fn holds(&self, view: &View) -> bool {
        let newer = |path: &PathBuf| self.changed.get(path).is_some_and(|at| *at > view.revision);
        let folder = view.path.parent();
        let beside = matches!(view.loaded.tree, Form::Json(_) | Form::Other)
            && self.changed.iter().any(|(path, at)| {
                *at > view.revision
                    && path.parent() == folder
                    && path.extension().is_some_and(|e| e == "json")
            });
        !newer(&view.path) && !view.reads.iter().any(newer) && !beside
    }

    /// The settings for a file: of the nearest `rot.toml` upward.
    pub fn settings(&mut self, path: &Path) -> Arc<Settings> {
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        if let Some(known) = self.settings.get(&folder) {
            return Arc::clone(known);
        }
        let made = Arc::new(self.read_settings(&folder));
        self.settings.insert(folder, Arc::clone(&made));
        made
    }

    fn read_settings(&self, folder: &Path) -> Settings {
        let mut sources = SourceMap::new();
        let unsaved = folder
            .ancestors()
            .map(|dir| dir.join(FILE_NAME))
            .find(|path| self.overlay.get(path).is_some());
        let Some(path) = unsaved.or_else(|| config::find(folder)) else {
            return Settings {
                config: Config::default(),
                sources,
                findings: Vec::new(),
            };
        };
        let text = self.overlay.read(&path).unwrap_or_default();
        let file = SourceFile::new(path.display().to_string(), text);
        let id = sources.add(file.clone());
        let root = path.parent().unwrap_or(Path::new("/")).to_owned();
        let (config, findings) = match config::parse(id, &file, &root) {
            Ok(config) => (config, Vec::new()),
            Err(findings) => (Config::default(), findings),
        };
        Settings {
            config,
            sources,
            findings,
        }
    }

    /// The project's `.rot` files and those that the editor holds.
    pub fn files(&mut self) -> Vec<PathBuf> {
        if let Some(known) = &self.listed {
            return known.clone();
        }
        let mut all: BTreeSet<PathBuf> = self.open.iter().cloned().collect();
        for root in &self.roots {
            let found = inputs::candidates(std::slice::from_ref(root));
            all.extend(found.iter().map(|path| plain(path)).take(MOST_FILES));
        }
        let all: Vec<PathBuf> = all
            .into_iter()
            .filter(|p| p.extension().is_some_and(|e| e == "rot" || e == "json"))
            .take(MOST_FILES)
            .collect();
        self.listed = Some(all.clone());
        all
    }

    /// What is to be said of all files of the project that are ours.
    pub fn views(&mut self) -> Vec<Arc<View>> {
        let mut views = Vec::new();
        for path in self.files() {
            let ours = self.text(&path).is_some_and(|text| is_ours(&path, &text));
            if ours && let Some(view) = self.view(&path) {
                views.push(view);
            }
        }
        views
    }
}

/// Whether a text is one of this program's: by its name, and JSON by what stands in it.
pub fn is_ours(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|e| e.to_str()) {
        Some("rot") => true,
        Some("json") => looks_like_conductor(text),
        _ => false,
    }
}

/// The texts, noting what is read.
struct Noted<'t> {
    texts: &'t dyn Texts,
    read: Mutex<BTreeSet<PathBuf>>,
}

impl Texts for Noted<'_> {
    fn read(&self, path: &Path) -> Result<String, Unreadable> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(plain(path));
        drop(read);
        self.texts.read(path)
    }

    fn json_beside(&self, folder: &Path, file: &Path) -> Vec<PathBuf> {
        self.texts.json_beside(folder, file)
    }
}

/// From where a text is looked at.
struct Stand {
    settings: Arc<Settings>,
    today: Date,
    revision: u64,
}

impl Stand {
    fn look(self, path: &Path, text: &str, index: Index, texts: &Overlay) -> View {
        let file = SourceFile::new(path.display().to_string(), text);
        let noted = Noted {
            texts,
            read: Mutex::default(),
        };
        let config = &self.settings.config;
        let mut loaded = load::analyse_among(&file, config, &noted, index);
        let found = std::mem::take(&mut loaded.findings);
        loaded.findings = found.clone();
        let blanks = Blanks::collect(&loaded.sources, &found);
        let own = FileId::new(View::OWN as usize);
        let findings = {
            let pointer = pointer(&loaded.sources, &pointers);
            let checked = |id: FileId| id == own;
            let setting = Setting {
                config,
                sources: &loaded.sources,
                pointer: &pointer,
                cwd: Path::new("/"),
                today: self.today,
                checked: &checked,
            };
            suppress::apply(found, &setting).kept
        };
        View {
            path: path.to_owned(),
            file,
            loaded,
            findings,
            blanks,
            settings: Arc::clone(&self.settings),
            reads: noted
                .read
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
            revision: self.revision,
        }
    }
}

/// Places of a JSON text as JSON Pointers (RFC 6901).
pub fn pointers(id: FileId, file: &SourceFile) -> Option<super::Pointers> {
    let (node, _) = json::parse_all(id, file);
    let node = node?;
    Some(Box::new(move |span: Span| Some(node.pointer_of(span))))
}

/// What `--fix` needs, for a text among these.
pub fn with_ends<T>(
    view: &View,
    texts: &Overlay,
    today: Date,
    then: impl FnOnce(&FrontEnds<'_>) -> T,
) -> T {
    let analyse = |file: &SourceFile| {
        let loaded = load::analyse_among(file, &view.settings.config, texts, Index::off());
        (loaded.sources, loaded.findings)
    };
    then(&FrontEnds {
        analyse: &analyse,
        pointers: &pointers,
        pages: &Vec::new,
        today,
    })
}
