// Types of the one function of bcrypt-pbkdf that is used; the package has none.
declare module "bcrypt-pbkdf" {
  interface Bcrypt {
    /** Fills `key`. Returns 0, or -1 where an argument is empty or too large. */
    pbkdf(
      passphrase: Uint8Array,
      passphraseLength: number,
      salt: Uint8Array,
      saltLength: number,
      key: Uint8Array,
      keyLength: number,
      rounds: number,
    ): number;
  }
  const bcrypt: Bcrypt;
  export default bcrypt;
}
