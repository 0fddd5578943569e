#!/bin/sh
# Installs packages of Debian or Ubuntu without starting their services: `xtask/install-packages.sh PACKAGE…`, as root.
# `cargo xtask` runs it as root when programs are missing.
set -eu

# Packages run this program to ask whether they may start their service. Exit code 101 forbids it.
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
saved=$policy.before-roster
mark='# Written by install-packages.sh of Roster, so that packages start no service.'

restore() {
  if [ -e "$saved" ]; then
    mv -f "$saved" "$policy"
  elif grep -qsxF "$mark" "$policy"; then
    rm -f "$policy"
  fi
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get --option DPkg::Lock::Timeout=300 --option Acquire::Retries=3 "$@"
}

# A killed run may have left its policy here, and the machine's own beside it.
restore
trap restore EXIT
trap 'exit 1' HUP INT TERM
if [ -e "$policy" ]; then
  mv "$policy" "$saved"
fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
chmod 755 "$policy"

apt update
apt install --yes --no-install-recommends "$@"
