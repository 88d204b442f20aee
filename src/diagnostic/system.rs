//! What the operating system said, in the words of a person: the texts of the standard library name kinds and numbers.

use std::io::{Error, ErrorKind};

/// Why a call of the system failed.
pub fn why(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::AlreadyExists => "it is there already",
        ErrorKind::NotADirectory => "a part of the path is no folder",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::DirectoryNotEmpty => "the folder is not empty",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "the quota is used up",
        ErrorKind::FileTooLarge => "the file would become too large",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::InvalidFilename => "the name is too long, or not allowed",
        ErrorKind::TooManyLinks => "it has too many links",
        ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy => "it is in use",
        ErrorKind::CrossesDevices => "the two places are on different file systems",
        ErrorKind::StaleNetworkFileHandle => "the network share lost the file",
        ErrorKind::TimedOut => "it took too long",
        ErrorKind::Interrupted => "it was interrupted",
        ErrorKind::WouldBlock => "somebody else holds it",
        ErrorKind::BrokenPipe => "the other side is gone",
        ErrorKind::UnexpectedEof => "it ends too early",
        ErrorKind::InvalidData => "it is not UTF-8 text, or too large",
        ErrorKind::InvalidInput => "the system does not take that",
        ErrorKind::OutOfMemory => "memory is used up",
        ErrorKind::Unsupported => "this system or file system cannot do that",
        _ => match error.raw_os_error() {
            // EIO, ENFILE, EMFILE, ELOOP: the standard library has no word for them.
            Some(5) => "the disk failed to read or write it",
            Some(23 | 24) => "too many files are open",
            Some(40 | 62) => "too many links lead to it",
            _ => "the system refused it",
        },
    }
}
