//! The table of all codes. A code is never reused and never changes its meaning.

use super::Severity;

/// A stable code such as `ROT101`. Equal when the ids are equal.
#[derive(Clone, Copy)]
pub struct Code(&'static CodeInfo);

/// What is fixed about a code.
#[derive(Debug)]
pub struct CodeInfo {
    /// `ROT101`.
    pub id: &'static str,
    /// `unresolved-reference`: names the bad pattern.
    pub name: &'static str,
    /// Severity before configuration.
    pub severity: Severity,
    /// What it is about.
    pub category: Category,
    /// When it is reported.
    pub standing: Standing,
    /// The first release that reported it.
    pub since: Release,
}

/// A release of the program, by the two numbers that settings speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u16, pub u16);

impl Release {
    /// From `1.4` or `1.4.2`; the last number changes no rule.
    pub fn parse(text: &str) -> Option<Release> {
        let mut numbers = text.split('.').map(|part| {
            part.parse::<u16>()
                .ok()
                .filter(|_| part.bytes().all(|b| b.is_ascii_digit()))
        });
        let release = Release(numbers.next()??, numbers.next()??);
        match numbers.next() {
            Some(patch) => patch.and(numbers.next().is_none().then_some(release)),
            None => Some(release),
        }
    }

    /// This program's.
    pub fn current() -> Release {
        Release::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Release(u16::MAX, 0))
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a code is about: the hundreds of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Text and encoding.
    Text,
    /// Names and references.
    Names,
    /// Types and shapes.
    Types,
    /// Where secrets may not flow.
    Flows,
    /// Transport and hosts.
    Transport,
    /// The order of a rotation.
    Rotation,
    /// Masking, and what is Conductor's own.
    Masking,
    /// What a run meets.
    Run,
    /// Vault, state, configuration, process.
    State,
    /// Housekeeping: suppressions, conversions.
    Housekeeping,
}

impl Category {
    /// Whether an error of it keeps later phases from seeing all of a file: what is not read, not named or of no type is not
    /// followed.
    pub fn hides_others(self) -> bool {
        self.phase() < 2
    }

    /// The phase that reports it: text, names and types, everything else. A text with errors in one hides the later ones.
    pub fn phase(self) -> u8 {
        match self {
            Category::Text => 0,
            Category::Names | Category::Types => 1,
            Category::Flows
            | Category::Transport
            | Category::Rotation
            | Category::Masking
            | Category::Run
            | Category::State
            | Category::Housekeeping => 2,
        }
    }

    /// Whether it is right for the rest of a plan in which some names are not resolved.
    pub fn holds_for_parts(self) -> bool {
        match self {
            Category::Flows | Category::Transport | Category::Masking => true,
            Category::Text
            | Category::Names
            | Category::Types
            | Category::Rotation
            | Category::Run
            | Category::State
            | Category::Housekeeping => false,
        }
    }

    /// Whether it is about files that are checked, and not about a run, the machine or decisions of people.
    pub fn is_of_files(self) -> bool {
        match self {
            Category::Run | Category::State | Category::Housekeeping => false,
            Category::Text
            | Category::Names
            | Category::Types
            | Category::Flows
            | Category::Transport
            | Category::Rotation
            | Category::Masking => true,
        }
    }
}

/// When a code is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Unless people decide to live with it.
    Usual,
    /// Only to those who ask for findings of taste.
    Pedantic,
    /// By a rehearsal alone, unless people decide to live with it.
    Rehearsal,
    /// Whatever people decide.
    Always,
}

impl Code {
    /// What is fixed about it.
    pub fn info(self) -> &'static CodeInfo {
        self.0
    }

    /// `ROT101`.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// `unresolved-reference`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it is about.
    pub fn category(self) -> Category {
        self.0.category
    }

    /// Whether only those see it who ask for findings of taste.
    pub fn is_pedantic(self) -> bool {
        self.0.standing == Standing::Pedantic
    }

    /// Whether only a rehearsal reports it: a check that does not find it says nothing of a decision to live with it.
    pub fn is_of_rehearsals(self) -> bool {
        self.0.standing == Standing::Rehearsal
    }

    /// The first release that reported it.
    pub fn since(self) -> Release {
        self.0.since
    }

    /// Whether people may decide to live with it.
    pub fn may_be_turned_off(self) -> bool {
        self.0.standing != Standing::Always
    }

    /// Finds a code by id or name, ignoring case.
    pub fn find(text: &str) -> Option<Code> {
        ALL_CODES
            .iter()
            .copied()
            .find(|c| c.id().eq_ignore_ascii_case(text) || c.name().eq_ignore_ascii_case(text))
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}
impl Eq for Code {}
impl std::hash::Hash for Code {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}
impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Code {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.id().cmp(other.id())
    }
}
impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

macro_rules! code_table {
    ($($category:ident { $($constant:ident $id:literal $name:literal $severity:ident $($standing:ident)? $(@ $major:literal, $minor:literal)?;)* })*) => {
        /// Every code as a constant.
        #[allow(missing_docs)]
        pub mod codes {
            use super::{Category, Code, CodeInfo, Release, Severity, Standing};
            $($(pub const $constant: Code = {
                static INFO: CodeInfo = CodeInfo {
                    id: $id,
                    name: $name,
                    severity: Severity::$severity,
                    category: Category::$category,
                    standing: standing!($($standing)?),
                    since: since!($($major, $minor)?),
                };
                Code(&INFO)
            };)*)*
        }
        /// All codes in table order, which is the order of their ids.
        pub static ALL_CODES: &[Code] = &[$($(codes::$constant),*),*];
    };
}

macro_rules! standing {
    () => {
        Standing::Usual
    };
    (pedantic) => {
        Standing::Pedantic
    };
    (rehearsal) => {
        Standing::Rehearsal
    };
    (always) => {
        Standing::Always
    };
}

/// What was there from the beginning says nothing; a later rule says ` @ 1, 4` at the end of its line.
macro_rules! since {
    () => {
        Release(0, 1)
    };
    ($major:literal, $minor:literal) => {
        Release($major, $minor)
    };
}

code_table! {
    Text {
        SYNTAX_ERROR                "ROT001" "syntax-error" Error always;
        INVALID_JSON                "ROT002" "invalid-json" Error always;
        DUPLICATE_KEY               "ROT003" "duplicate-key" Error always;
        BAD_INTERPOLATION           "ROT004" "bad-interpolation" Error;
        BIDI_OR_INVISIBLE           "ROT005" "bidi-or-invisible-char" Error;
        BAD_JSONPATH                "ROT006" "bad-jsonpath" Error;
        NESTING_TOO_DEEP            "ROT007" "nesting-too-deep" Error always;
        MIXED_LINE_ENDINGS          "ROT008" "mixed-line-endings-or-bom" Note pedantic;
        UNREADABLE_INPUT            "ROT009" "unreadable-input" Error always;
    }
    Names {
        UNRESOLVED_REFERENCE        "ROT101" "unresolved-reference" Error;
        UNRESOLVED_TASK_REF         "ROT102" "unresolved-task-ref" Error;
        FORWARD_REFERENCE           "ROT103" "forward-reference" Error;
        NOT_ON_ALL_PATHS            "ROT104" "reference-not-on-all-paths" Warning;
        UNDECLARED_SECRET           "ROT105" "undeclared-secret" Error;
        UNKNOWN_FIELD               "ROT106" "unknown-field" Error;
        UNUSED_SECRET               "ROT107" "unused-secret" Warning;
        UNUSED_STEP_OUTPUT          "ROT108" "unused-step-output" Note pedantic;
        UNUSED_TARGET               "ROT109" "unused-target" Warning;
        DUPLICATE_NAME              "ROT110" "duplicate-name" Error;
        CYCLIC_DEPENDENCY           "ROT111" "cyclic-dependency" Error;
        UNKNOWN_KEY                 "ROT112" "unknown-key" Warning;
        UNKNOWN_TASK_TYPE           "ROT113" "unknown-task-type" Error;
        UNREACHABLE_STEP            "ROT114" "unreachable-step" Warning;
        UNDECLARED_INPUT            "ROT115" "undeclared-workflow-input" Warning;
        IMPORT_NOT_FOUND            "ROT116" "import-not-found" Error;
        UNSUPPORTED_TASK            "ROT117" "unsupported-task" Error;
        BAD_NAME                    "ROT118" "bad-name" Error;
        TASKS_FROM_DATA             "ROT119" "tasks-from-data" Warning;
    }
    Types {
        TYPE_MISMATCH               "ROT201" "type-mismatch" Error;
        MISSING_REQUIRED            "ROT202" "missing-required" Error;
        NULL_IN_STRING              "ROT203" "null-in-string" Warning;
        STRUCTURED_SECRET           "ROT204" "structured-secret-field" Warning;
        CONSTANT_CONDITION          "ROT205" "constant-condition" Warning;
        BAD_DURATION_OR_CRON        "ROT206" "bad-duration-or-cron" Error;
        SCHEMA_VERSION              "ROT207" "schema-version" Error;
        STATUS_NEVER_CHECKED        "ROT208" "status-never-checked" Warning;
        ENDLESS_LOOP                "ROT209" "endless-loop" Warning;
        BAD_URL                     "ROT210" "bad-url" Error;
        BAD_VALUE                   "ROT211" "bad-value" Error;
        MISSING_EFFECT              "ROT212" "missing-effect" Error;
        TIMEOUT_TOO_SHORT           "ROT213" "timeout-too-short" Error;
        REFUSED_HEADER              "ROT214" "refused-header" Error;
        ANSWER_WITHOUT_BODY         "ROT215" "answer-without-body" Error;
        INVERTED_CONDITION          "ROT216" "inverted-condition" Warning;
        LOOP_RESULT_UNREAD          "ROT217" "loop-result-unread" Warning;
        REFUSED_CONTENT_TYPE        "ROT218" "refused-content-type" Error;
    }
    Flows {
        SECRET_TO_LOG               "ROT301" "secret-to-log" Error;
        SECRET_TO_OUTPUT            "ROT302" "secret-to-output" Error;
        SECRET_IN_URL_QUERY         "ROT303" "secret-in-url-query" Error;
        SECRET_IN_URL_PATH          "ROT304" "secret-in-url-path-or-userinfo" Error;
        SECRET_IN_ERROR_MESSAGE     "ROT305" "secret-in-error-message" Error;
        SECRET_TO_UNDECLARED_HOST   "ROT309" "secret-to-undeclared-host" Error;
        SECRET_TO_COMPUTED_HOST     "ROT310" "secret-to-computed-host" Error;
        REDIRECT_WITH_SECRET        "ROT311" "redirect-may-carry-secret" Warning;
        IMPLICIT_FLOW_TO_LOG        "ROT312" "implicit-flow-to-log" Warning;
        IMPLICIT_FLOW_TO_HOST       "ROT313" "implicit-flow-to-other-host" Error;
        LOOP_BOUND                  "ROT314" "loop-bound-from-secret" Warning;
        STATUS_LEAK                 "ROT315" "status-leak" Note pedantic;
        GUESSING_ORACLE             "ROT316" "guessing-oracle" Warning;
        SECRET_AS_KEY               "ROT317" "secret-as-key-or-index" Error;
        SECRET_IN_NAME              "ROT318" "secret-in-name-field" Error;
        TRANSFORM_DEFEATS_MASKING   "ROT319" "transform-defeats-masking" Warning;
        RESPONSE_ECHOES             "ROT320" "response-echoes-secret" Warning;
        DECLASSIFY_WITHOUT_REASON   "ROT322" "declassify-without-reason" Error always;
        DECLASSIFY_UNTRUSTED        "ROT323" "declassify-untrusted-choice" Error;
        DECLASSIFY_UNUSED           "ROT324" "declassify-unused" Warning;
        SECRET_WIDENED              "ROT326" "secret-copied-to-wider-secret" Error;
    }
    Transport {
        PLAINTEXT_TRANSPORT         "ROT401" "plaintext-transport" Error;
        WILDCARD_HOST               "ROT403" "wildcard-host-policy" Warning;
        METADATA_HOST               "ROT404" "ip-or-metadata-host" Warning;
        DEPRECATED_AUTH             "ROT405" "deprecated-auth-scheme" Note pedantic;
        NON_IDEMPOTENT_RETRY        "ROT406" "non-idempotent-retry" Warning;
        MISSING_TIMEOUT             "ROT407" "missing-timeout" Note pedantic;
        USERINFO_CONFUSABLE         "ROT408" "userinfo-confusable-host" Error;
        PASSWORD_IN_STATEMENT       "ROT409" "password-in-statement" Warning;
        READABLE_BY_OTHERS          "ROT410" "readable-by-others" Warning;
        AUTH_SCHEME                 "ROT411" "auth-scheme" Warning;
    }
    Rotation {
        OVERWRITE_BEFORE_VERIFY     "ROT501" "overwrite-before-verify" Warning;
        REVOKE_BEFORE_PROMOTE       "ROT502" "revoke-before-promote" Error;
        NEW_SECRET_DROPPED          "ROT503" "new-secret-dropped" Error;
        SELF_ROTATION               "ROT504" "self-rotation" Warning;
        NO_ROLLBACK                 "ROT505" "no-rollback" Warning;
        INTERVAL_NOT_BELOW_EXPIRY   "ROT506" "interval-not-below-expiry" Warning;
        UNVALIDATED_NEW_VALUE       "ROT507" "unvalidated-new-value" Warning;
        CONCURRENT_ROTATION         "ROT508" "concurrent-rotation" Warning;
        UNTRUSTED_SECRET_NAME       "ROT509" "untrusted-secret-name" Error;
        SECRET_TYPE_CHANGES         "ROT510" "secret-type-changes" Warning;
        UNPROTECTED_REPLACING       "ROT511" "unprotected-replacing" Error;
        NO_REVOCATION_ID            "ROT512" "no-revocation-id" Warning;
        GRACE_EXCEEDS_LIFE          "ROT513" "grace-exceeds-life" Warning;
        NO_MARGIN                   "ROT514" "interval-leaves-no-margin" Warning;
        SET_BEFORE_STAGE            "ROT515" "set-before-stage" Error;
        SET_OTHER_VALUE             "ROT516" "set-other-value" Error;
        STORED_ELSEWHERE            "ROT517" "stored-elsewhere" Error;
        EFFECT_CONTRADICTED         "ROT518" "effect-contradicted" Warning;
        NEVER_PROMOTED              "ROT519" "never-promoted" Warning;
        DELIVERY_GAP                "ROT520" "delivery-gap" Warning;
        TARGET_UNFIT                "ROT521" "target-unfit" Error;
        DELIVERED_UNVERIFIED        "ROT522" "delivered-unverified" Note pedantic;
        REVOKE_CANNOT_BE_BOUND      "ROT523" "revoke-cannot-be-bound" Error;
        WEAK_VALUE                  "ROT524" "weak-value" Warning;
        HALVES_EXCHANGED            "ROT525" "halves-exchanged" Error;
        WRONG_HALF                  "ROT526" "wrong-half" Error;
        COPIED_FROM_SIBLING         "ROT527" "copied-from-sibling" Warning;
        STRAYS_UNRESTRICTED         "ROT528" "strays-unrestricted" Error;
    }
    Masking {
        UNMASKED_MINTED_SECRET      "ROT601" "unmasked-minted-secret" Error;
        RAW_COPY_BESIDE_MASK        "ROT602" "raw-copy-beside-mask" Error;
        MASK_LOST_DOWNSTREAM        "ROT603" "mask-lost-downstream" Error;
        FILTER_NOT_DEFERRED         "ROT604" "filter-not-deferred" Error;
        MASKING_NOT_SUPPORTED       "ROT605" "masking-not-supported-by-target" Error;
        SECRET_THROUGH_TASK         "ROT606" "secret-through-inline-or-jq" Error;
        SECRET_INJECTION            "ROT607" "secret-reference-injection" Warning;
        ESCAPED_SECRET              "ROT608" "escaped-secret-still-resolves" Error;
        LAST_TASK_OUTPUT_LEAKS      "ROT609" "last-task-output-leaks" Error;
        RESTART_LOSES_SECRET        "ROT610" "masked-vs-secrets-restart" Note pedantic;
        MASKED_FIELDS_NO_MATCH      "ROT611" "masked-fields-no-match" Warning;
        HARDCODED_SECRET            "ROT612" "hardcoded-secret" Error;
        UPDATE_SECRET_UNMASKED      "ROT613" "update-secret-unmasked-input" Error;
        SECRET_IN_EVENT             "ROT615" "secret-in-webhook-or-event" Error;
        SECRET_TO_SUBWORKFLOW       "ROT616" "secret-to-subworkflow-plain" Warning;
        HEADERS_STORED              "ROT617" "headers-stored" Warning;
        OVERBROAD_OUTPUT            "ROT618" "overbroad-output" Warning;
        CREDENTIAL_INPUT            "ROT619" "credential-as-plain-input" Warning;
    }
    Run {
        RUN_REQUEST_FAILED          "ROT701" "request-failed" Error;
        RUN_UNEXPECTED_ANSWER       "ROT702" "unexpected-answer" Error;
        RUN_CAPTURE_FAILED          "ROT703" "capture-failed" Error;
        RUN_REFUSED_VALUE           "ROT704" "refused-new-value" Error;
        RUN_EGRESS_REFUSED          "ROT705" "egress-refused" Error;
        RUN_SECRET_MISSING          "ROT706" "secret-missing" Error;
        RUN_BAD_INPUT               "ROT707" "bad-run-input" Error;
        RUN_FAILED_BY_AUTHOR        "ROT708" "failed-by-author" Error;
        RUN_TIMEOUT                 "ROT709" "run-timeout" Error;
        RUN_OUTCOME_UNKNOWN         "ROT710" "outcome-unknown" Error;
        RUN_BLOCKED                 "ROT711" "run-blocked" Error;
        RUN_EVALUATION              "ROT712" "evaluation-failed" Error;
        RUN_VERIFY_FAILED           "ROT713" "verify-failed" Error;
        RUN_INTERRUPTED             "ROT714" "interrupted-run" Error;
        RUN_REQUEST_CHANGED         "ROT715" "request-changed" Error;
        RUN_NOT_REVOKED             "ROT716" "not-revoked" Error;
        RUN_CLAIMED                 "ROT717" "claimed-elsewhere" Error;
        RUN_NOT_DELIVERED           "ROT718" "not-delivered" Error;
        REHEARSAL_LOSES             "ROT720" "rehearsal-loses-credential" Error rehearsal;
        REHEARSAL_NEEDS_PERSON      "ROT721" "rehearsal-needs-person" Error rehearsal;
        REHEARSAL_LEAVES            "ROT722" "rehearsal-leaves-credential" Warning rehearsal;
        REHEARSAL_FAILS             "ROT723" "rehearsal-fails" Error always;
    }
    State {
        VAULT_MISSING               "ROT801" "vault-missing" Error;
        VAULT_EXISTS                "ROT802" "vault-exists" Error;
        VAULT_UNREADABLE            "ROT803" "vault-unreadable" Error;
        VAULT_WRONG_IDENTITY        "ROT804" "wrong-identity" Error;
        VAULT_FORMAT                "ROT805" "vault-format" Error;
        VAULT_TAMPERED              "ROT806" "vault-tampered" Error;
        VAULT_ROLLED_BACK           "ROT807" "vault-rolled-back" Error;
        VAULT_FORKED                "ROT808" "vault-forked" Error;
        VAULT_LOCKED                "ROT809" "vault-locked" Error;
        VAULT_CONFLICT              "ROT810" "vault-conflict" Error;
        VAULT_NO_SUCH_SECRET        "ROT811" "no-such-secret" Error;
        VAULT_BAD_VALUE             "ROT812" "bad-secret-value" Error;
        IDENTITY_MISSING            "ROT813" "identity-missing" Error;
        IDENTITY_EXPOSED            "ROT814" "identity-exposed" Error;
        IDENTITY_UNREADABLE         "ROT815" "identity-unreadable" Error;
        RECIPIENT_BAD               "ROT816" "bad-recipient" Error;
        VAULT_ROLLBACK_REFUSED      "ROT817" "rollback-refused" Error;
        VAULT_FIRST_USE             "ROT818" "vault-first-use" Note;
        VAULT_NOT_PINNED            "ROT819" "vault-not-pinned" Warning;
        STORAGE_FAILED              "ROT820" "storage-failed" Error;
        JOURNAL_CORRUPT             "ROT821" "journal-corrupt" Error;
        JOURNAL_FORM                "ROT822" "journal-form" Error;
        VAULT_RECIPIENTS_CHANGED    "ROT826" "vault-recipients-changed" Warning;
        VAULT_ENVIRONMENT           "ROT827" "wrong-environment" Error;
        VAULT_DISTANT               "ROT828" "vault-distant" Warning;
        VAULT_MERGE_REFUSED         "ROT829" "merge-refused" Error;
        PLAN_TAMPERED               "ROT830" "plan-tampered" Error;
        PLAN_NEWER                  "ROT831" "plan-newer" Error;
        VAULT_MOVED                 "ROT832" "vault-moved" Error;
        UNSAFE_FILE                 "ROT833" "unsafe-file" Error;
        CONFIG_INVALID              "ROT840" "config-invalid" Error;
        USAGE                       "ROT841" "usage" Error;
        CLOCK_ANOMALY               "ROT850" "clock-anomaly" Error;
        INTERNAL                    "ROT870" "internal-error" Error;
    }
    Housekeeping {
        UNUSED_SUPPRESSION          "ROT901" "unused-suppression" Warning always;
        SUPPRESSION_WITHOUT_REASON  "ROT902" "suppression-without-reason" Note always;
        UNKNOWN_SUPPRESSION         "ROT903" "unknown-rule-in-suppression" Warning always;
        EXPIRED_SUPPRESSION         "ROT904" "expired-suppression" Error always;
        STALE_BASELINE              "ROT905" "stale-baseline-entry" Note always;
        IMPORTED_AS_ADDITIVE        "ROT908" "imported-as-additive" Note;
        CONDUCTOR_DIFFERENCE        "ROT909" "differs-from-conductor" Note;
        NOT_IN_CONDUCTOR            "ROT920" "cannot-be-said-in-conductor" Error;
        NOT_IN_ROT                  "ROT921" "cannot-be-said-in-rot" Error;
    }
}
