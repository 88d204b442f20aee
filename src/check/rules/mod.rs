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
    pub(super) check: fn(&Context<'_, '_>, &mut Vec<Diagnostic>),
}

macro_rules! rules {
    (rules { $($code:ident $module:ident;)* } pages { $($other:ident $file:literal;)* }) => {
        $(mod $module;)*
        pub(super) static RULES: &[Rule] = &[
            $(Rule { code: codes::$code, page: include_str!(concat!(stringify!($module), ".rs")), check: $module::check }),*
        ];
        static OTHERS: &[(Code, &str)] = &[$((codes::$other, include_str!(concat!("../pages/", $file, ".md")))),*];
    };
}

rules! {
    rules {
        MIXED_LINE_ENDINGS mixed_line_endings;
        NOT_ON_ALL_PATHS reference_not_on_all_paths;
        UNUSED_SECRET unused_secret;
        UNUSED_STEP_OUTPUT unused_step_output;
        CYCLIC_DEPENDENCY cyclic_calls;
        UNREACHABLE_STEP unreachable_step;
        NULL_IN_STRING null_in_string;
        STRUCTURED_SECRET structured_secret;
        CONSTANT_CONDITION constant_condition;
        STATUS_NEVER_CHECKED status_never_checked;
        ENDLESS_LOOP endless_loop;
        TIMEOUT_TOO_SHORT timeout_too_short;
        REFUSED_HEADER refused_header;
        SECRET_TO_LOG secret_to_log;
        SECRET_TO_OUTPUT secret_to_output;
        SECRET_IN_URL_QUERY secret_in_url_query;
        SECRET_IN_URL_PATH secret_in_url_path;
        SECRET_IN_ERROR_MESSAGE secret_in_error_message;
        SECRET_TO_UNDECLARED_HOST secret_to_undeclared_host;
        SECRET_TO_COMPUTED_HOST secret_to_computed_host;
        REDIRECT_WITH_SECRET redirect_with_secret;
        IMPLICIT_FLOW_TO_LOG implicit_flow_to_log;
        IMPLICIT_FLOW_TO_HOST implicit_flow_to_other_host;
        LOOP_BOUND loop_bound;
        STATUS_LEAK status_leak;
        GUESSING_ORACLE guessing_oracle;
        SECRET_AS_KEY secret_as_key;
        TRANSFORM_DEFEATS_MASKING transform_defeats_masking;
        RESPONSE_ECHOES response_echoes;
        DECLASSIFY_WITHOUT_REASON declassify_without_reason;
        DECLASSIFY_UNTRUSTED declassify_untrusted_choice;
        DECLASSIFY_UNUSED declassify_unused;
        SECRET_WIDENED secret_widened;
        PLAINTEXT_TRANSPORT plaintext_transport;
        WILDCARD_HOST wildcard_host;
        METADATA_HOST metadata_host;
        DEPRECATED_AUTH deprecated_auth;
        NON_IDEMPOTENT_RETRY non_idempotent_retry;
        MISSING_TIMEOUT missing_timeout;
        USERINFO_CONFUSABLE userinfo_confusable_host;
        OVERWRITE_BEFORE_VERIFY overwrite_before_verify;
        REVOKE_BEFORE_PROMOTE revoke_before_promote;
        NEW_SECRET_DROPPED new_secret_dropped;
        SELF_ROTATION self_rotation;
        NO_ROLLBACK no_rollback;
        INTERVAL_NOT_BELOW_EXPIRY interval_not_below_expiry;
        UNVALIDATED_NEW_VALUE unvalidated_new_value;
        CONCURRENT_ROTATION concurrent_rotation;
        UNTRUSTED_SECRET_NAME untrusted_secret_name;
        SECRET_TYPE_CHANGES secret_type_changes;
        UNPROTECTED_REPLACING unprotected_replacing;
        NO_REVOCATION_ID no_revocation_id;
        GRACE_EXCEEDS_LIFE grace_exceeds_life;
        NO_MARGIN interval_leaves_no_margin;
        SET_BEFORE_STAGE set_before_stage;
        SET_OTHER_VALUE set_other_value;
        UNMASKED_MINTED_SECRET unmasked_minted_secret;
        RAW_COPY_BESIDE_MASK raw_copy_beside_mask;
        MASK_LOST_DOWNSTREAM mask_lost_downstream;
        SECRET_THROUGH_TASK secret_through_task;
        SECRET_INJECTION secret_reference_injection;
        ESCAPED_SECRET escaped_secret;
        LAST_TASK_OUTPUT_LEAKS last_task_output_leaks;
        RESTART_LOSES_SECRET restart_loses_secret;
        HARDCODED_SECRET hardcoded_secret;
        UPDATE_SECRET_UNMASKED update_secret_unmasked;
        SECRET_TO_SUBWORKFLOW secret_to_subworkflow;
        SECRET_IN_EVENT secret_in_webhook;
        HEADERS_STORED headers_stored;
        OVERBROAD_OUTPUT overbroad_output;
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
