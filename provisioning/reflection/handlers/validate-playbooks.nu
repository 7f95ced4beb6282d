# Can every playbook be started? Before every window in which one is run.
#
# nu reflection/handlers/validate-playbooks.nu --home ~/.triplane
use lib/validation.nu

# Prints a table, one row for each check; exit code 1 where one does not hold or could not be looked at.
def main [
  --provisioning-root: string = "" # folder with catalog/ and reflection/; the program's own unless given
  --home: string = "" # home of the workspace; TRIPLANE_HOME or ./.triplane unless given
  --check: string = "" # only this check
  --config: string = "" # instead of the home's validation.json
] {
  validation show validate-playbooks { provisioning: $provisioning_root, home: $home, check: $check, config: $config }
}
