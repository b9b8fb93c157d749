// What `init` writes.

/** Data and private state do not belong into version control, sealed as they are. */
export const starterIgnore = ['/data/', '/.glovebox/'];

/** A glovebox.yaml for workspace `name` with one way from raw data to features. */
export function starterFile(name: string): string {
  return `# yaml-language-server: $schema=.glovebox/glovebox.schema.json
workspace: ${name}

# Keys seal datasets. provider: local is the embedded key store: whoever can read its root key
# (or knows its passphrase) can read everything sealed under these keys.
keys:
  raw: { provider: local }
  features: { provider: local }

# Where sealed objects lie.
stores:
  box: { provider: dir, path: ./data }

# raw datasets receive uploads; derived ones are written by runs, version by version.
# classification: public < internal < confidential < restricted
datasets:
  ${name}-raw: { store: box, key: raw, kind: raw, classification: restricted }
  ${name}-quarantine: { store: box, key: raw, kind: derived, classification: restricted }
  ${name}-features: { store: box, key: features, kind: derived, classification: internal }

# Within a domain, the same value has the same pseudonym in every dataset.
domains: {}

# One file per pipeline: pipelines/NAME.yaml
pipelines: pipelines/
`;
}
