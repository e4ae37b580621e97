# The receivers of remote write that are to be had here. Sourced, behind service.bash.
# shellcheck shell=bash disable=SC2154 # variables of service.bash
declare -A receivers=() # name -> program; those that could not be fetched are not in it
while read -r name program; do
    receivers[$name]=$program
done < <("$top/scripts/receivers" 2>missing)
sed 's/^/# /' missing

has() { # NAME
    [[ ${receivers[$1]:-} ]] || echo "# skipped: no $1 here"
    [[ ${receivers[$1]:-} ]]
}
