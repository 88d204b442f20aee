//! Targets, and what is delivered to them.

use super::{Resolver, errors};
use crate::diagnostic::{Printable, codes};
use crate::plan::index::{NameKind, Offer};
use crate::plan::schedule::Dur;
use crate::plan::service::{Form, is_address};
use crate::plan::target::{
    CommandTarget, Credential, Delivery, FileForm, FileTarget, KINDS, KindWord, Said, Service,
    ServiceTarget, SystemdTarget, Target, TargetKind, Word,
};
use crate::plan::{ExprKind, Root, Version};
use crate::source::{At, Span};
use crate::syntax::ast::{self, Name};

/// Who may read a file of which nothing is said.
const MODE: u32 = 0o400;

type Options = [(Name, ast::Expr)];

impl Resolver {
    /// Declares a target; `imported` is one of a used file.
    pub(super) fn target(&mut self, target: &ast::Target, imported: bool) {
        if let Some(first) = self.target_places.get(&target.name.text).copied() {
            self.report(errors::duplicate("target", &target.name, first));
            return;
        }
        self.target_places
            .insert(target.name.text.clone(), target.name.span);
        self.define_within(NameKind::Target, &target.name, Span::NONE, None);
        let Some(known) = KINDS.iter().find(|kind| kind.word == target.kind.text) else {
            let words = KINDS.map(|kind| kind.word);
            self.offer(&target.kind, |_| super::words(words));
            self.report(errors::unknown_word(
                target.kind.span,
                "a kind of target",
                &target.kind.text,
                &words,
            ));
            return;
        };
        if !self.options_fit(known, target) {
            return;
        }
        if target.place.text.is_empty() || target.place.text.contains('\0') {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                target.place.span,
                format!("a target of kind `{}` needs a {}", known.word, known.place),
                format!("write `target {} {} \"…\"`", target.name.text, known.word),
            ));
            return;
        }
        let kind = match (Service::parse(known.word), known.word) {
            (Some(service), _) => self.service_target(target, service),
            (None, "file") => self.file_target(target, imported),
            (None, "systemd") => self.systemd_target(target),
            (None, _) => self.command_target(target),
        };
        if let Some(kind) = kind {
            self.plan.targets.push(Target {
                name: target.name.text.clone(),
                kind,
                at: At(target.name.span),
            });
        }
    }

    /// Whether the options are those of the kind, each once.
    fn options_fit(&mut self, known: &KindWord, target: &ast::Target) -> bool {
        let words: Vec<&str> = known.options.iter().map(|(word, ..)| *word).collect();
        let before = self.diagnostics.len();
        for (at, (option, _)) in target.options.iter().enumerate() {
            if !words.contains(&option.text.as_str()) {
                self.offer(option, |_| super::words(words.iter().copied()));
                let what = format!("an option of a target of kind `{}`", known.word);
                self.report(errors::unknown_word(
                    option.span,
                    &what,
                    &option.text,
                    &words,
                ));
            }
            let mut earlier = target.options.iter().take(at);
            if let Some((first, _)) = earlier.find(|(o, _)| o.text == option.text) {
                self.report(errors::duplicate("option", option, first.span));
            }
        }
        let given = |word: &str| target.options.iter().any(|(o, _)| o.text == word);
        let lacking: Vec<String> = known
            .options
            .iter()
            .filter(|(word, _, needed)| *needed && !given(word))
            .map(|(word, ..)| format!("`{word}`"))
            .collect();
        if !lacking.is_empty() {
            self.report(errors::bad_value(
                codes::MISSING_REQUIRED,
                target.kind.span,
                format!(
                    "a target of kind `{}` needs {}",
                    known.word,
                    lacking.join(", ")
                ),
                format!("its options are {}", words.join(", ")),
            ));
        }
        self.diagnostics.len() == before
    }

    fn file_target(&mut self, target: &ast::Target, imported: bool) -> Option<TargetKind> {
        let options = &target.options;
        let path = &target.place.text;
        if path.ends_with('/') || path.split('/').any(|part| part == "..") {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                target.place.span,
                format!("`{path}` is not the path of a file"),
                "write the file itself, without `..`; a relative path counts from the folder of this file",
            ));
            return None;
        }
        if imported && !path.starts_with('/') {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                target.place.span,
                format!("`{path}` would be another file for each file that uses this one"),
                "a target of a file that others use has a path that begins with `/`",
            ));
            return None;
        }
        let form = self.chosen(options, "form", &FileForm::WORDS);
        let mode = match self.literal_option(options, "mode") {
            None => MODE,
            Some((text, span)) => match u32::from_str_radix(&text, 8) {
                Ok(mode) if mode <= 0o777 && mode & 0o400 != 0 => {
                    if mode & 0o002 != 0 {
                        self.report(errors::bad_value(
                            codes::BAD_VALUE,
                            span,
                            format!("`{text}` lets everybody write this file"),
                            "who can write the file decides which credential its reader uses: `\"0400\"`, `\"0440\"`",
                        ));
                    }
                    mode
                }
                _ => {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        span,
                        format!("`{text}` is not a mode that its owner can read"),
                        "three octal digits in quotes: `mode \"0400\"`",
                    ));
                    MODE
                }
            },
        };
        let owner = self.literal_option(options, "owner").map(|(text, span)| {
            let word = |part: &str| {
                !part.is_empty()
                    && !part.starts_with('-')
                    && part
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
            };
            if !text.split(':').all(word) || text.split(':').count() > 2 {
                self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    span,
                    format!("`{}` is not an owner", text.printable()),
                    "write `owner \"user\"` or `owner \"user:group\"`",
                ));
            }
            text
        });
        Some(TargetKind::File(FileTarget {
            path: path.clone(),
            form: form.unwrap_or(FileForm::Raw),
            mode,
            owner,
            then: self.program_option(options, "then"),
        }))
    }

    fn command_target(&mut self, target: &ast::Target) -> Option<TargetKind> {
        self.program_name(&target.place);
        Some(TargetKind::Command(CommandTarget {
            program: target.place.text.clone(),
            timeout: self.duration_option(&target.options, "timeout"),
        }))
    }

    fn systemd_target(&mut self, target: &ast::Target) -> Option<TargetKind> {
        let (name, options) = (&target.place.text, &target.options);
        let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':' | '%');
        if !name.chars().all(fits) || name.len() > 200 || name.starts_with('.') {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                target.place.span,
                format!("`{}` is not the name of a credential", name.printable()),
                "the name that stands in `LoadCredential=`: letters, digits, `-`, `_` and `.`",
            ));
            return None;
        }
        let folder = self.literal_option(options, "folder");
        if let Some((text, span)) = &folder
            && (!text.starts_with('/') || text.split('/').any(|part| part == ".."))
        {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                *span,
                format!("`{}` is not the path of a folder", text.printable()),
                "write a path that begins with `/`, without `..`",
            ));
        }
        let key = self.chosen(options, "key", &SystemdTarget::KEYS);
        let encrypt = self.program_option(options, "encrypt");
        if key.is_some() && encrypt.is_none() {
            self.report(errors::bad_value(
                codes::MISSING_REQUIRED,
                target.kind.span,
                "`key` says with what `systemd-creds` encrypts, and nothing is encrypted here",
                "write `encrypt \"systemd-creds\"`, and its path in `[programs]` of rot.toml",
            ));
        }
        Some(TargetKind::Systemd(SystemdTarget {
            credential: name.clone(),
            folder: folder.map(|(text, _)| text),
            encrypt,
            key: key.map(str::to_owned),
            then: self.program_option(options, "then"),
        }))
    }

    fn service_target(&mut self, target: &ast::Target, service: Service) -> Option<TargetKind> {
        let before = self.diagnostics.len();
        let mut options = Vec::new();
        for (option, value) in &target.options {
            let Some(word) = Word::parse(&option.text) else {
                continue;
            };
            let said = match word.form() {
                Form::Credential => self.credential(option, value).map(Said::Credential),
                Form::Length => self
                    .duration_option(&target.options, &option.text)
                    .map(Said::Length),
                Form::Choice(choices) => {
                    let choices: Vec<(&'static str, &'static str)> =
                        choices.iter().map(|choice| (*choice, *choice)).collect();
                    let chosen = self.chosen(&target.options, &option.text, &choices);
                    chosen.map(|choice| Said::Text(choice.to_owned()))
                }
                Form::Text | Form::Address => {
                    let text = self.literal_option(&target.options, &option.text);
                    text.map(|(text, span)| {
                        let address = word.form() == Form::Address;
                        if text.is_empty() || (address && !is_address(&text)) {
                            self.report(errors::bad_value(
                                codes::BAD_URL,
                                span,
                                format!("`{}` is no value of `{}`", text.printable(), option.text),
                                match address {
                                    true => "the address of a server: `\"https://host\"`, or `http://127.0.0.1` on this machine",
                                    false => "write what it is, or leave it out",
                                },
                            ));
                        }
                        Said::Text(text)
                    })
                }
            };
            options.extend(said.map(|said| (word, said)));
        }
        if self.diagnostics.len() > before {
            return None;
        }
        let made = ServiceTarget {
            service,
            place: target.place.text.clone(),
            options,
        };
        if let Err((message, help)) = made.fits() {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                target.place.span,
                message,
                help,
            ));
            return None;
        }
        Some(TargetKind::Service(made))
    }

    /// `secrets.NAME` or `secrets.NAME.field`, declared.
    fn credential(&mut self, option: &Name, value: &ast::Expr) -> Option<Credential> {
        let before = self.diagnostics.len();
        let (expr, _) = self.expr(value);
        if let ExprKind::Ref(Root::Secret {
            name,
            field,
            version: Version::Current,
        }) = &expr.kind
        {
            let fields = self.declared_secret(name).map(|secret| &secret.fields);
            let whole = fields.is_some_and(|fields| match field {
                Some(field) => fields.contains(field),
                None => fields.is_empty(),
            });
            if whole {
                return Some(Credential {
                    secret: name.clone(),
                    field: field.clone(),
                    at: At(value.span),
                });
            }
        }
        if self.diagnostics.len() == before {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                value.span,
                format!("`{}` is a secret of the vault, as it is", option.text),
                format!(
                    "write `{0} secrets.NAME`, or `{0} secrets.NAME.field` of a record",
                    option.text
                ),
            ));
        }
        None
    }

    fn program_option(&mut self, options: &Options, word: &str) -> Option<String> {
        let (text, span) = self.literal_option(options, word)?;
        let name = Name { text, span };
        self.program_name(&name);
        Some(name.text)
    }

    fn duration_option(&mut self, options: &Options, word: &str) -> Option<Dur> {
        let (_, value) = options.iter().find(|(option, _)| option.text == word)?;
        match &value.kind {
            ast::ExprKind::Duration(length) if length.0 > 0 => Some(*length),
            _ => {
                self.report(errors::bad_value(
                    codes::BAD_DURATION_OR_CRON,
                    value.span,
                    format!("`{word}` is a length of time"),
                    format!("for example `{word} 10s`"),
                ));
                None
            }
        }
    }

    pub(super) fn deliver(&mut self, deliver: &ast::Deliver) {
        let secret = &deliver.secret;
        self.uses_secret(secret);
        let Some(fields) = self.declared_secret(&secret.text).map(|s| s.fields.clone()) else {
            self.undeclared(secret);
            return;
        };
        if let Some(field) = &deliver.field {
            if !fields.contains(&field.text) {
                let of = format!("secret `{}`", secret.text);
                self.offer(field, |_| {
                    super::names(NameKind::Field, fields.iter().cloned())
                });
                self.report(errors::unknown_field(field, &of, &fields));
                return;
            }
            self.uses_field(&secret.text, field);
        }
        for (target, called) in &deliver.to {
            if let Some(at) = self.target_places.get(&target.text).copied() {
                self.index.refer(target.span, at);
            } else {
                self.offer(target, Self::targets_offered);
                let mut known: Vec<String> = self.target_places.keys().cloned().collect();
                known.sort();
                self.report(errors::unknown_target(target, &known));
                continue;
            }
            let called = called.as_ref();
            let field = deliver.field.as_ref().map(|f| f.text.clone());
            // One value would take the other's place.
            let key = (target.text.clone(), secret.text.clone(), field.clone());
            if let Some(first) = self.delivered.get(&key).copied() {
                self.report(errors::duplicate("delivery to", target, first));
                continue;
            }
            let holds_one = || {
                let target = self.plan.target(&target.text);
                target.is_some_and(|t| t.kind.holds_one())
            };
            let other = self.first_delivery.get(&target.text).copied();
            if let Some(first) = other.filter(|_| holds_one()) {
                self.report(errors::holds_one(target, first));
                continue;
            }
            self.delivered.insert(key, target.span);
            self.first_delivery
                .entry(target.text.clone())
                .or_insert(target.span);
            self.plan.deliveries.push(Delivery {
                secret: secret.text.clone(),
                field,
                target: target.text.clone(),
                called: called.map(|name| name.text.clone()),
                at: At(target.span),
            });
        }
    }

    fn targets_offered(&self) -> Vec<Offer> {
        let mut names: Vec<String> = self.target_places.keys().cloned().collect();
        names.sort();
        super::names(NameKind::Target, names.into_iter())
    }
}
