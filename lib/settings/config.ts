/** What the rest of the project uses of the settings: their values, the table of all of them, and how they are read. */
export { type Drawn, type ObjectSize, type Popularity, STANDARD_SIZES } from './load';
export { beneath, readConfig, readSome, readWithoutCredentials, settingTexts, withStages } from './read';
export { ConfigError, type Environment, ORIGIN, optionOf, type Setting } from './setting';
export {
  AUDIENCES,
  type Config,
  defaultText,
  nameOf,
  publicConfig,
  type SettingName,
  settings,
  showValue,
  TYPED,
  type VuConfig,
} from './settings';
export {
  BACKENDS,
  type Backend,
  type Checksum,
  CREDENTIALS,
  type CredentialName,
  leavesSigning,
  NO_PROXY_STARTED,
  type User,
} from './store';
