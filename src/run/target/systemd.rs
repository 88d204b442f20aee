//! A credential of systemd: a file in a credential store, as it is or encrypted by `systemd-creds` for this machine. The name
//! is part of what is encrypted, so a credential under another name is refused by systemd.

use super::{Found, PATIENCE, Payload, Recipient, Site, Trouble, started};
use crate::plan::target::{FileForm, FileTarget, SystemdTarget};
use crate::run::engine::Local;
use zeroize::Zeroizing;

impl Recipient for SystemdTarget {
    fn put<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<(), Trouble>> {
        Box::pin(async move {
            let file = self.file();
            let Some(program) = &self.encrypt else {
                return file.put(site, payload).await;
            };
            let plain = payload.document()?;
            // Each encryption differs: what says the same stays as it is.
            if let Some(there) = file.there(site)?
                && self
                    .decrypted(site, program, payload, there)
                    .await
                    .is_ok_and(|there| there.as_slice() == plain.as_slice())
            {
                return Ok(());
            }
            let mut arguments = vec!["encrypt".to_owned(), format!("--name={}", self.credential)];
            arguments.extend(self.key.iter().map(|key| format!("--with-key={key}")));
            arguments.extend(["-".to_owned(), "-".to_owned()]);
            let made = started(site, program, arguments, payload, Some(plain), PATIENCE).await?;
            if made.is_empty() {
                return Err(Trouble::refused(
                    format!("program `{program}` gave nothing back"),
                    "it must be `systemd-creds`: an absolute path in `[programs]` of rot.toml",
                ));
            }
            file.set(site, &made)
        })
    }

    fn look<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<Found, Trouble>> {
        Box::pin(async move {
            let file = self.file();
            let Some(program) = &self.encrypt else {
                return file.look(site, payload).await;
            };
            let Some(there) = file.there(site)? else {
                return Ok(Found::Absent);
            };
            let plain = payload.document()?;
            Ok(match self.decrypted(site, program, payload, there).await {
                Ok(there) if there.as_slice() == plain.as_slice() => Found::Same,
                Ok(_) => Found::Differs("its content"),
                Err(_) => Found::Differs("its encryption: it is not for this machine or this name"),
            })
        })
    }
}

impl SystemdTarget {
    fn file(&self) -> FileTarget {
        FileTarget {
            path: self.path(),
            form: FileForm::Raw,
            mode: 0o400,
            owner: None,
            then: None,
        }
    }

    async fn decrypted(
        &self,
        site: &Site<'_>,
        program: &str,
        payload: &Payload,
        there: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let name = format!("--name={}", self.credential);
        let words = ["decrypt", "--newline=no", &name, "-", "-"];
        let arguments = words.iter().map(|word| (*word).to_owned()).collect();
        started(site, program, arguments, payload, Some(there), PATIENCE).await
    }
}
