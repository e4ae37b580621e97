# Runs in cpack, between the installation into a tree of its own and the package: makes that tree one of Debian's.
# SOURCE_DATE_EPOCH (scripts/package) is the time of the change log, and of every file.
set(tree ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${tree}/usr/share/doc/ses-collector)
set(debian ${CPACK_SES_PACKAGING}/debian)

# file(COPY), as file(INSTALL) would go below $DESTDIR once more.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The licence is in /usr/share/common-licenses.
file(REMOVE ${doc}/LICENSE)
file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
file(COPY ${debian}/copyright ${debian}/README.Debian DESTINATION ${doc})
string(TIMESTAMP SES_DEBIAN_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${debian}/changelog.in ${doc}/changelog.Debian @ONLY)
run(gzip -9n ${doc}/changelog ${doc}/changelog.Debian)

file(GLOB pages ${tree}/usr/share/man/man*/*.[1-8])
run(gzip -9n ${pages})

file(RENAME ${tree}/usr/share/zsh/site-functions ${tree}/usr/share/zsh/vendor-completions)
file(MAKE_DIRECTORY ${tree}/usr/share/lintian/overrides)
file(COPY_FILE ${debian}/lintian-overrides ${tree}/usr/share/lintian/overrides/ses-collector)
file(COPY ${debian}/ses-collector.yaml DESTINATION ${tree}/etc/ses-collector)
file(MAKE_DIRECTORY ${tree}/var/spool/ses-collector)

run(chmod -R u=rwX,go=rX ${tree})
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  run(find ${tree} -exec touch -h -d @$ENV{SOURCE_DATE_EPOCH} {} +)
endif()
