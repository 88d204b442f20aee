//! The operators of the language. Their signs, and how tightly they bind, stand here alone.

use serde::{Deserialize, Serialize};

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `===` of a Conductor condition, where `==` also compares values of different types. The language has one `==`, which is this.
    Same,
    /// `!==` of a Conductor condition.
    Different,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `and`
    And,
    /// `or`
    Or,
    /// `+`: numbers; time and duration; duration and duration
    Add,
    /// `??`: the left unless it is null or missing
    Else,
}

impl Operator {
    /// All that the language has.
    pub const ALL: [Operator; 10] = [
        Operator::Eq,
        Operator::Ne,
        Operator::Lt,
        Operator::Le,
        Operator::Gt,
        Operator::Ge,
        Operator::And,
        Operator::Or,
        Operator::Add,
        Operator::Else,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Operator::Eq | Operator::Same => "==",
            Operator::Ne | Operator::Different => "!=",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
            Operator::And => "and",
            Operator::Or => "or",
            Operator::Add => "+",
            Operator::Else => "??",
        }
    }

    /// From its sign.
    pub fn parse(sign: &str) -> Option<Operator> {
        Operator::ALL.into_iter().find(|o| o.as_str() == sign)
    }

    /// How tightly it binds; more binds tighter.
    pub fn precedence(self) -> u8 {
        match self {
            Operator::Else => 1,
            Operator::Or => 2,
            Operator::And => 3,
            Operator::Eq
            | Operator::Ne
            | Operator::Same
            | Operator::Different
            | Operator::Lt
            | Operator::Le
            | Operator::Gt
            | Operator::Ge => Operator::COMPARISON,
            Operator::Add => 6,
        }
    }

    /// How tightly `not` binds.
    pub const NOT: u8 = 4;

    /// How tightly comparisons bind; they cannot be chained.
    pub const COMPARISON: u8 = 5;

    /// Whether it compares, with a bool as the result.
    pub fn compares(self) -> bool {
        self.precedence() == Operator::COMPARISON
    }
}
