//! What nobody sensible sends: strangers without account, wrong nonces, fields at their ends.

use super::world::person;
use super::{Act, History};
use rampart_protocol::message::{Claim, RegisterProvider, SetAutoStake, Transfer, Unbond, UpdateProvider};
use rampart_protocol::{Address, Amount, Message, Nonce, Ppm, ProviderId};

impl History<'_> {
    /// A message that is wrong in some way, or a right one of the wrong person.
    pub(super) fn garbage(&mut self) -> Act {
        let stranger = person(0x5f, 0);
        Some(match self.chance.below(11) {
            0 => (stranger, self.about_nothing(Nonce(0))),
            1 => {
                let who = self.somebody();
                let nonce = self.nonce(who);
                (who, self.about_nothing(nonce))
            }
            2 => {
                let (_, message) = self.buy()?;
                (self.somebody(), message)
            }
            3 => {
                let who = self.somebody();
                (who, self.too_long(who))
            }
            4 => {
                let who = self.somebody();
                (who, transfer(who, Amount(1), Nonce(u64::MAX)))
            }
            5 => {
                let who = self.somebody();
                let nonce = self.nonce(who);
                (who, transfer(person(0x77, 0), Amount(u128::MAX), nonce))
            }
            6 => {
                let who = self.somebody();
                let nonce = self.nonce(who);
                let message = if self.chance.one_in(2) {
                    self.of_no_provider(nonce)
                } else {
                    self.about_nothing(nonce)
                };
                (who, message)
            }
            _ => {
                // One byte is changed, of what is still a message.
                let (signer, message) = self.act()?;
                let mut bytes = message.to_bytes();
                self.chance.spoil(&mut bytes);
                (signer, Message::from_bytes(&bytes).unwrap_or(message))
            }
        })
    }

    fn too_long(&mut self, who: Address) -> Message {
        let nonce = self.nonce(who);
        let name = "x".repeat(65);
        RegisterProvider {
            name,
            endpoint: "https://phishing.example/".into(),
            stake: Amount::ZERO,
            nonce,
        }
        .into()
    }

    fn of_no_provider(&mut self, nonce: Nonce) -> Message {
        let provider = ProviderId([0, u64::MAX, 1 << 40][self.chance.below(3) as usize]);
        match self.chance.below(4) {
            0 => Claim { provider, nonce }.into(),
            1 => Unbond {
                provider,
                amount: Amount(u128::MAX),
                nonce,
            }
            .into(),
            2 => SetAutoStake {
                provider,
                share: Ppm(u32::MAX),
                nonce,
            }
            .into(),
            _ => UpdateProvider {
                provider,
                name: "\u{202e}guard".into(),
                endpoint: "https://phishing.example/".into(),
                nonce,
            }
            .into(),
        }
    }
}

fn transfer(recipient: Address, amount: Amount, nonce: Nonce) -> Message {
    Transfer {
        recipient,
        amount,
        nonce,
    }
    .into()
}
