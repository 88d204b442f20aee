//! The rules, one file each, and the pages of all codes.
//!
//! A rule's file begins with its page as a doc comment; codes that other phases report have a page in `../pages`.
//! One list declares modules and registry, so that no rule can stand unregistered.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic, codes};
use std::sync::LazyLock;

/// A rule with the code that it reports.
pub(super) struct Rule {
    code: Code,
    page: &'static str,
    pub(super) reach: Reach,
    pub(super) check: fn(&Context<'_, '_>, &mut Vec<Diagnostic>),
}

/// How much of a text a rule has to have read before it can say anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The rotation that it speaks of, and what that calls.
    Local,
    /// All of it: it says that something stands nowhere, or stands twice.
    Whole,
}

macro_rules! reach {
    (local) => {
        Reach::Local
    };
    (whole) => {
        Reach::Whole
    };
}

macro_rules! rules {
    (rules { $($code:ident $module:ident $reach:ident;)* } pages { $($other:ident $file:literal;)* }) => {
        $(mod $module;)*
        pub(super) static RULES: &[Rule] = &[
            $(Rule { code: codes::$code, page: include_str!(concat!(stringify!($module), ".rs")), reach: reach!($reach), check: $module::check }),*
        ];
        static OTHERS: &[(Code, &str)] = &[$((codes::$other, include_str!(concat!("../pages/", $file, ".md")))),*];
    };
}

rules! {
    rules {
        MIXED_LINE_ENDINGS mixed_line_endings local;
        NOT_ON_ALL_PATHS reference_not_on_all_paths local;
        UNUSED_SECRET unused_secret whole;
        UNUSED_STEP_OUTPUT unused_step_output local;
        UNUSED_TARGET unused_target whole;
        CYCLIC_DEPENDENCY cyclic_calls whole;
        UNREACHABLE_STEP unreachable_step local;
        NULL_IN_STRING null_in_string local;
        STRUCTURED_SECRET structured_secret local;
        CONSTANT_CONDITION constant_condition local;
        STATUS_NEVER_CHECKED status_never_checked local;
        ENDLESS_LOOP endless_loop local;
        TIMEOUT_TOO_SHORT timeout_too_short local;
        REFUSED_HEADER refused_header local;
        ANSWER_WITHOUT_BODY answer_without_body local;
        INVERTED_CONDITION inverted_condition local;
        LOOP_RESULT_UNREAD loop_result_unread local;
        REFUSED_CONTENT_TYPE refused_content_type local;
        SECRET_TO_LOG secret_to_log local;
        SECRET_TO_OUTPUT secret_to_output local;
        SECRET_IN_URL_QUERY secret_in_url_query local;
        SECRET_IN_URL_PATH secret_in_url_path local;
        SECRET_IN_ERROR_MESSAGE secret_in_error_message local;
        SECRET_TO_UNDECLARED_HOST secret_to_undeclared_host local;
        SECRET_TO_COMPUTED_HOST secret_to_computed_host local;
        REDIRECT_WITH_SECRET redirect_with_secret local;
        IMPLICIT_FLOW_TO_LOG implicit_flow_to_log local;
        IMPLICIT_FLOW_TO_HOST implicit_flow_to_other_host local;
        LOOP_BOUND loop_bound local;
        STATUS_LEAK status_leak local;
        GUESSING_ORACLE guessing_oracle local;
        SECRET_AS_KEY secret_as_key local;
        TRANSFORM_DEFEATS_MASKING transform_defeats_masking local;
        RESPONSE_ECHOES response_echoes local;
        DECLASSIFY_WITHOUT_REASON declassify_without_reason local;
        DECLASSIFY_UNTRUSTED declassify_untrusted_choice local;
        DECLASSIFY_UNUSED declassify_unused local;
        SECRET_WIDENED secret_widened local;
        PLAINTEXT_TRANSPORT plaintext_transport local;
        WILDCARD_HOST wildcard_host local;
        METADATA_HOST metadata_host local;
        DEPRECATED_AUTH deprecated_auth local;
        NON_IDEMPOTENT_RETRY non_idempotent_retry local;
        MISSING_TIMEOUT missing_timeout local;
        USERINFO_CONFUSABLE userinfo_confusable_host local;
        PASSWORD_IN_STATEMENT password_in_statement local;
        READABLE_BY_OTHERS readable_by_others local;
        AUTH_SCHEME auth_scheme local;
        OVERWRITE_BEFORE_VERIFY overwrite_before_verify local;
        REVOKE_BEFORE_PROMOTE revoke_before_promote local;
        NEW_SECRET_DROPPED new_secret_dropped whole;
        SELF_ROTATION self_rotation local;
        NO_ROLLBACK no_rollback local;
        INTERVAL_NOT_BELOW_EXPIRY interval_not_below_expiry local;
        UNVALIDATED_NEW_VALUE unvalidated_new_value local;
        CONCURRENT_ROTATION concurrent_rotation whole;
        UNTRUSTED_SECRET_NAME untrusted_secret_name local;
        SECRET_TYPE_CHANGES secret_type_changes local;
        UNPROTECTED_REPLACING unprotected_replacing local;
        NO_REVOCATION_ID no_revocation_id whole;
        GRACE_EXCEEDS_LIFE grace_exceeds_life local;
        NO_MARGIN interval_leaves_no_margin local;
        SET_BEFORE_STAGE set_before_stage whole;
        SET_OTHER_VALUE set_other_value local;
        STORED_ELSEWHERE stored_elsewhere whole;
        EFFECT_CONTRADICTED effect_contradicted local;
        NEVER_PROMOTED never_promoted whole;
        DELIVERY_GAP delivery_gap local;
        TARGET_UNFIT target_unfit local;
        DELIVERED_UNVERIFIED delivered_unverified local;
        REVOKE_CANNOT_BE_BOUND revoke_cannot_be_bound local;
        WEAK_VALUE weak_value local;
        HALVES_EXCHANGED halves_exchanged local;
        WRONG_HALF wrong_half local;
        COPIED_FROM_SIBLING copied_from_sibling local;
        STRAYS_UNRESTRICTED strays_unrestricted local;
        UNMASKED_MINTED_SECRET unmasked_minted_secret local;
        RAW_COPY_BESIDE_MASK raw_copy_beside_mask local;
        MASK_LOST_DOWNSTREAM mask_lost_downstream local;
        SECRET_THROUGH_TASK secret_through_task local;
        SECRET_INJECTION secret_reference_injection local;
        ESCAPED_SECRET escaped_secret local;
        LAST_TASK_OUTPUT_LEAKS last_task_output_leaks local;
        RESTART_LOSES_SECRET restart_loses_secret local;
        HARDCODED_SECRET hardcoded_secret local;
        UPDATE_SECRET_UNMASKED update_secret_unmasked local;
        SECRET_TO_SUBWORKFLOW secret_to_subworkflow local;
        SECRET_IN_EVENT secret_in_webhook local;
        HEADERS_STORED headers_stored local;
        OVERBROAD_OUTPUT overbroad_output local;
        CREDENTIAL_INPUT credential_as_input local;
    }
    pages {
        SYNTAX_ERROR "syntax-error";
        INVALID_JSON "invalid-json";
        DUPLICATE_KEY "duplicate-key";
        BAD_INTERPOLATION "bad-interpolation";
        BIDI_OR_INVISIBLE "bidi-or-invisible-char";
        BAD_JSONPATH "bad-jsonpath";
        NESTING_TOO_DEEP "nesting-too-deep";
        UNREADABLE_INPUT "unreadable-input";
        UNRESOLVED_REFERENCE "unresolved-reference";
        UNRESOLVED_TASK_REF "unresolved-task-ref";
        FORWARD_REFERENCE "forward-reference";
        UNDECLARED_SECRET "undeclared-secret";
        UNKNOWN_FIELD "unknown-field";
        DUPLICATE_NAME "duplicate-name";
        UNKNOWN_KEY "unknown-key";
        UNKNOWN_TASK_TYPE "unknown-task-type";
        UNDECLARED_INPUT "undeclared-workflow-input";
        IMPORT_NOT_FOUND "import-not-found";
        UNSUPPORTED_TASK "unsupported-task";
        BAD_NAME "bad-name";
        TASKS_FROM_DATA "tasks-from-data";
        TYPE_MISMATCH "type-mismatch";
        MISSING_REQUIRED "missing-required";
        BAD_DURATION_OR_CRON "bad-duration-or-cron";
        SCHEMA_VERSION "schema-version";
        BAD_URL "bad-url";
        BAD_VALUE "bad-value";
        MISSING_EFFECT "missing-effect";
        FILTER_NOT_DEFERRED "filter-not-deferred";
        MASKING_NOT_SUPPORTED "masking-not-supported-by-target";
        SECRET_IN_NAME "secret-in-name-field";
        MASKED_FIELDS_NO_MATCH "masked-fields-no-match";
        RUN_REQUEST_FAILED "request-failed";
        RUN_UNEXPECTED_ANSWER "unexpected-answer";
        RUN_CAPTURE_FAILED "capture-failed";
        RUN_REFUSED_VALUE "refused-new-value";
        RUN_EGRESS_REFUSED "egress-refused";
        RUN_SECRET_MISSING "secret-missing";
        RUN_BAD_INPUT "bad-run-input";
        RUN_FAILED_BY_AUTHOR "failed-by-author";
        RUN_TIMEOUT "run-timeout";
        RUN_OUTCOME_UNKNOWN "outcome-unknown";
        RUN_BLOCKED "run-blocked";
        RUN_EVALUATION "evaluation-failed";
        RUN_VERIFY_FAILED "verify-failed";
        RUN_INTERRUPTED "interrupted-run";
        RUN_REQUEST_CHANGED "request-changed";
        RUN_NOT_REVOKED "not-revoked";
        RUN_CLAIMED "claimed-elsewhere";
        RUN_NOT_DELIVERED "not-delivered";
        REHEARSAL_LOSES "rehearsal-loses-credential";
        REHEARSAL_NEEDS_PERSON "rehearsal-needs-person";
        REHEARSAL_LEAVES "rehearsal-leaves-credential";
        REHEARSAL_FAILS "rehearsal-fails";
        VAULT_MISSING "vault-missing";
        VAULT_EXISTS "vault-exists";
        VAULT_UNREADABLE "vault-unreadable";
        VAULT_WRONG_IDENTITY "wrong-identity";
        VAULT_FORMAT "vault-format";
        VAULT_TAMPERED "vault-tampered";
        VAULT_ROLLED_BACK "vault-rolled-back";
        VAULT_FORKED "vault-forked";
        VAULT_LOCKED "vault-locked";
        VAULT_CONFLICT "vault-conflict";
        VAULT_NO_SUCH_SECRET "no-such-secret";
        VAULT_BAD_VALUE "bad-secret-value";
        IDENTITY_MISSING "identity-missing";
        IDENTITY_EXPOSED "identity-exposed";
        IDENTITY_UNREADABLE "identity-unreadable";
        RECIPIENT_BAD "bad-recipient";
        VAULT_ROLLBACK_REFUSED "rollback-refused";
        VAULT_FIRST_USE "vault-first-use";
        VAULT_NOT_PINNED "vault-not-pinned";
        STORAGE_FAILED "storage-failed";
        JOURNAL_CORRUPT "journal-corrupt";
        JOURNAL_FORM "journal-form";
        VAULT_RECIPIENTS_CHANGED "vault-recipients-changed";
        VAULT_ENVIRONMENT "wrong-environment";
        VAULT_DISTANT "vault-distant";
        VAULT_MERGE_REFUSED "merge-refused";
        PLAN_TAMPERED "plan-tampered";
        PLAN_NEWER "plan-newer";
        VAULT_MOVED "vault-moved";
        UNSAFE_FILE "unsafe-file";
        CONFIG_INVALID "config-invalid";
        USAGE "usage";
        CLOCK_ANOMALY "clock-anomaly";
        INTERNAL "internal-error";
        UNUSED_SUPPRESSION "unused-suppression";
        SUPPRESSION_WITHOUT_REASON "suppression-without-reason";
        UNKNOWN_SUPPRESSION "unknown-rule-in-suppression";
        EXPIRED_SUPPRESSION "expired-suppression";
        STALE_BASELINE "stale-baseline-entry";
        IMPORTED_AS_ADDITIVE "imported-as-additive";
        CONDUCTOR_DIFFERENCE "differs-from-conductor";
        NOT_IN_CONDUCTOR "cannot-be-said-in-conductor";
        NOT_IN_ROT "cannot-be-said-in-rot";
    }
}

/// The page of each code, in order of the codes: Markdown that begins with `# ROT301 secret-to-log`.
pub fn pages() -> &'static [(Code, String)] {
    static PAGES: LazyLock<Vec<(Code, String)>> = LazyLock::new(|| {
        let mut pages: Vec<(Code, String)> = RULES
            .iter()
            .map(|rule| (rule.code, doc_comment(rule.page)))
            .collect();
        pages.extend(
            OTHERS
                .iter()
                .map(|(code, page)| (*code, (*page).to_owned())),
        );
        pages.sort_by_key(|(code, _)| *code);
        pages
    });
    &PAGES
}

fn doc_comment(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect()
}
