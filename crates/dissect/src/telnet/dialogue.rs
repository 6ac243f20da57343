//! Follows a login: prompt, user name, prompt, password, and what the server says to it.
//!
//! Rule 1: prompts are judged when the client answers them, the outcome byte by byte, so that cuts change nothing.
//! Rule 2: a password is sealed when its line ends and wiped.
//! Rule 3: where it is not sure that text was shown and not typed, it is not told.

use super::{banner, login};
use crate::{Context, Sealed, Who};

/// Longest line of the server that is kept to find a prompt in.
const LINE_LIMIT: usize = 256; // bytes
/// Longest user name or password.
const TYPED_LIMIT: usize = 128; // bytes
/// Most text kept of what stands before the login.
const BANNER_LIMIT: usize = 1024; // bytes
/// Bytes of the server after which an outcome is no longer looked for.
const OUTCOME_LIMIT: usize = 4096; // bytes
/// Logins of one conversation that are followed.
const ATTEMPT_LIMIT: usize = 64;

/// What a prompt asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A user name.
    User,
    /// A password.
    Secret,
}

/// What the line `text`, not ended yet, asks for.
pub(super) fn prompt(text: &[u8]) -> Option<Asked> {
    let text = text.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    let ends = |words: &[&[u8]]| {
        words
            .iter()
            .any(|word| text.len().checked_sub(word.len()).is_some_and(|at| text[at..].eq_ignore_ascii_case(word)))
    };
    let within = |word: &[u8]| text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    if ends(&[b"password", b"passwd", b"passcode", b"passphrase"]) || within(b"password for ") {
        return Some(Asked::Secret);
    }
    if ends(&[b"last login"]) {
        return None;
    }
    ends(&[b"login", b"username", b"user name", b"user", b"user id", b"userid", b"login name", b"login as", b"account"])
        .then_some(Asked::User)
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing typed since the last line end.
    #[default]
    Idle,
    /// The client types what was asked for.
    Typing(Asked),
    /// The client types something else.
    Other,
    /// Nothing more is looked at.
    Over,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
    Charset,
}

/// The follower of one conversation.
pub(super) struct Login {
    /// Who types, and who shows.
    pub(super) ends: (Who, Who),
    state: State,
    escape: Escape,
    line: Vec<u8>,
    banner: Vec<u8>,
    banner_told: bool,
    typed: Vec<u8>,
    user: Vec<u8>,
    after_return: bool,
    pending: Option<Sealed>,
    outcome: usize, // bytes
    attempts: usize,
}

impl Default for Login {
    fn default() -> Self {
        Login {
            ends: (Who::Client, Who::Server),
            state: State::Idle,
            escape: Escape::None,
            line: Vec::new(),
            banner: Vec::new(),
            banner_told: false,
            typed: Vec::new(),
            user: Vec::new(),
            after_return: false,
            pending: None,
            outcome: 0,
            attempts: 0,
        }
    }
}

impl Login {
    /// True where nothing more is looked at, so that text need not be handed over.
    pub(super) fn over(&self) -> bool {
        self.state == State::Over
    }

    /// Bytes were lost: what was being typed or awaited is unknown.
    pub(super) fn forget(&mut self) {
        if self.state != State::Over {
            self.state = State::Other;
        }
        self.wipe();
        self.line.clear();
        self.pending = None;
    }

    fn wipe(&mut self) {
        self.typed.fill(0);
        self.typed.clear();
    }

    /// Text that the server shows.
    pub(super) fn shown(&mut self, text: &[u8], cx: &mut Context<'_>) {
        for &byte in text {
            if self.over() {
                return;
            }
            if !self.banner_told {
                self.banner_byte(byte, cx);
            }
            if self.plain(byte) {
                self.line_byte(byte, cx);
            }
            self.outcome += usize::from(self.pending.is_some());
            if self.outcome > OUTCOME_LIMIT {
                self.tell(None, cx);
            }
        }
    }

    fn banner_byte(&mut self, byte: u8, cx: &mut Context<'_>) {
        if !matches!(byte, 0 | b'\r') && self.banner.len() < BANNER_LIMIT {
            self.banner.push(byte);
        }
        if byte == b':' && self.banner.len() < BANNER_LIMIT {
            let line = self.banner.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
            if prompt(line).is_some() {
                self.tell_banner(cx);
            }
        }
    }

    /// The first byte is typed: what stands before it is a greeting only where it ends like a prompt. All else may
    /// have been typed itself, by someone whom a capture that began in mid-stream makes look like the host.
    fn greeting(&mut self, cx: &mut Context<'_>) {
        if !self.banner_told {
            let end = self.banner.iter().rev().find(|&&byte| byte != b' ');
            match end {
                Some(b'#' | b'$' | b'>' | b'%' | b':') => self.tell_banner(cx),
                _ => (self.banner_told, self.banner) = (true, Vec::new()),
            }
        }
    }

    fn tell_banner(&mut self, cx: &mut Context<'_>) {
        self.banner_told = true;
        let text = std::mem::take(&mut self.banner);
        let text = text.trim_ascii();
        if !text.is_empty() {
            cx.fact(&banner::KIND).text(banner::text, text).emit(self.ends.1);
        }
    }

    /// False for the bytes of escape sequences (ECMA-48).
    fn plain(&mut self, byte: u8) -> bool {
        let was = self.escape;
        self.escape = match (was, byte) {
            (_, 27) => Escape::Begun,
            (Escape::Begun, b'[') => Escape::Sequence,
            (Escape::Begun, b'(' | b')') => Escape::Charset,
            (Escape::Sequence, b' '..=b'?') => Escape::Sequence,
            _ => Escape::None,
        };
        was == Escape::None && self.escape == Escape::None
    }

    fn line_byte(&mut self, byte: u8, cx: &mut Context<'_>) {
        match byte {
            b'\n' | b'\r' => {
                if self.pending.is_some() {
                    self.judge_line(cx);
                }
                self.line.clear();
            }
            8 => {
                self.line.pop();
            }
            b' '..=b'~' if self.line.len() < LINE_LIMIT => {
                self.line.push(byte);
                if self.pending.is_some() {
                    self.judge_byte(byte, cx);
                }
            }
            _ => {}
        }
    }

    /// A whole line after the password: does it say that the login failed or worked?
    fn judge_line(&mut self, cx: &mut Context<'_>) {
        const FAILED: &[&[u8]] =
            &[b"incorrect", b"fail", b"invalid", b"denied", b"bad ", b"wrong", b"not correct", b"rejected", b"refused"];
        const WORKED: &[&[u8]] = &[b"last login", b"welcome", b"success", b"logged in"];
        let line = self.line.to_ascii_lowercase();
        let says = |words: &[&[u8]]| words.iter().any(|word| line.windows(word.len()).any(|window| window == *word));
        if says(FAILED) {
            self.tell(Some(false), cx);
        } else if says(WORKED) {
            self.tell(Some(true), cx);
        }
    }

    /// The line so far after the password: a prompt of a shell, or the question for a user name again?
    fn judge_byte(&mut self, byte: u8, cx: &mut Context<'_>) {
        match byte {
            b':' if prompt(&self.line).is_some() => self.tell(Some(false), cx),
            b'#' | b'$' | b'>' | b'%' => {
                let before = &self.line[..self.line.len() - 1];
                let named = |&b: &u8| b.is_ascii_alphanumeric() || b"_-.@:~/\\()[] ".contains(&b);
                // A percent sign that begins a line begins a message of the system, not a prompt.
                let message = byte == b'%' && before.trim_ascii().is_empty();
                if !message && before.len() <= 64 && before.iter().all(named) {
                    self.tell(Some(true), cx);
                }
            }
            _ => {}
        }
    }

    /// Tell the login that waits for its outcome.
    fn tell(&mut self, success: Option<bool>, cx: &mut Context<'_>) {
        self.outcome = 0;
        let Some(sealed) = self.pending.take() else {
            return;
        };
        let fact = cx
            .fact(&login::KIND)
            .text(login::user, &self.user)
            .text(login::secret, sealed.hmac)
            .boolean(login::default, sealed.default);
        let fact = match success {
            Some(success) => fact.boolean(login::success, success),
            None => fact,
        };
        fact.emit_to(self.ends.0, self.ends.1);
        self.attempts += 1;
        if success == Some(true) || self.attempts == ATTEMPT_LIMIT {
            *self = Login { state: State::Over, banner_told: true, ..Login::default() };
        } else {
            self.user.clear();
        }
    }

    /// Text that the client types.
    pub(super) fn typed(&mut self, text: &[u8], cx: &mut Context<'_>) {
        let mut at = 0;
        while at < text.len() && !self.over() {
            if self.state == State::Other && !self.after_return {
                // Nothing of such a line is kept: only its end, or giving it up, means anything.
                match memchr::memchr3(b'\r', b'\n', 3, &text[at..]) {
                    Some(found) => at += found,
                    None => return,
                }
            }
            let byte = text[at];
            at += 1;
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            if !(after_return && matches!(byte, 0 | b'\n')) {
                self.typed_byte(byte, cx);
            }
        }
    }

    fn typed_byte(&mut self, byte: u8, cx: &mut Context<'_>) {
        if self.state == State::Idle {
            let asked = prompt(&self.line);
            // Whoever types at no prompt of a login has an outcome behind him that the server did not tell.
            self.tell(None, cx);
            if self.over() {
                return;
            }
            self.greeting(cx);
            self.state = asked.map_or(State::Other, State::Typing);
        }
        match byte {
            b'\r' | b'\n' => self.submit(cx),
            8 | 127 => {
                self.typed.pop();
            }
            // Ctrl-U wipes the line; Ctrl-C gives the login up.
            21 => self.wipe(),
            3 => {
                self.wipe();
                self.state = State::Idle;
                self.line.clear();
            }
            b' '..=0xff if self.typed.len() < TYPED_LIMIT && matches!(self.state, State::Typing(_)) => {
                self.typed.push(byte);
            }
            _ => {}
        }
    }

    fn submit(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::Typing(Asked::User) => {
                self.user.clear();
                self.user.extend_from_slice(&self.typed);
            }
            State::Typing(Asked::Secret) => {
                self.pending = Some(cx.secret(&self.user, &self.typed));
                self.outcome = 0;
            }
            _ => {}
        }
        self.wipe();
        self.line.clear();
        self.state = State::Idle;
    }
}
