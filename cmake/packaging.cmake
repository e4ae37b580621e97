# What is installed besides the program, and the Debian package made of it: scripts/package.

set(SES_SYSTEMD_UNIT_DIR lib/systemd/system) # below the prefix, never multiarch

# The workers' unit is as confined as the service's: one text, taken from there.
file(READ ${CMAKE_SOURCE_DIR}/packaging/ses-collector.service unit)
string(FIND "${unit}" "# --- who it is, and what it cannot do ---" begin)
string(FIND "${unit}" "[Install]" end REVERSE)
if(begin LESS 0 OR end LESS begin)
  message(FATAL_ERROR "packaging/ses-collector.service has no section about what it cannot do")
endif()
math(EXPR length "${end} - ${begin}")
string(SUBSTRING "${unit}" ${begin} ${length} SES_CONFINEMENT)
string(STRIP "${SES_CONFINEMENT}" SES_CONFINEMENT)
configure_file(packaging/ses-collector-normalize@.service.in packaging/ses-collector-normalize@.service @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS packaging/ses-collector.service)

install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/ses-collector.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY packaging/kubernetes DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES packaging/ses-collector.service ${CMAKE_BINARY_DIR}/packaging/ses-collector-normalize@.service
        DESTINATION ${SES_SYSTEMD_UNIT_DIR})
install(FILES packaging/ses-collector.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES packaging/ses-collector.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES packaging/completions/ses-collector.bash RENAME ses-collector
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES packaging/completions/_ses-collector DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES packaging/completions/ses-collector.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The same sources make the same bytes wherever they lie.
target_compile_options(ses_build_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_compile_options(ses_build_flags INTERFACE -ffile-prefix-map=${CMAKE_BINARY_DIR}=.)

# --- the Debian package -----------------------------------------------------------------------------------------------
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ses-collector)
set(CPACK_PACKAGE_CONTACT "ses-collector maintainers <maintainers@users.noreply.h-seed-81fcfb36.example>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# Compressed pages, the change log, the licence's place, the configuration in /etc: what debhelper would do to the tree.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/debian-tree.cmake)
set(CPACK_SES_PACKAGING ${CMAKE_SOURCE_DIR}/packaging)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${CPACK_PACKAGE_CONTACT}")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~), procps")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, tzdata")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus, prometheus-alertmanager, awscli")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "rates, metrics and alerts from Amazon SES sending events")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Counts what became of mail that was sent through Amazon SES, by mailbox
provider and configuration set, from the event records that SES publishes.
.
Records are read from S3 buckets that Firehose fills, SQS queues, Kafka
topics, folders, and what Firehose and SNS push. The service shows rates,
reasons for bounces and the reputation as Prometheus metrics, a page and an
API, and tells Alertmanager, webhooks and Slack before AWS reviews or pauses
the account. Dumps can be replayed and searched on the command line.")
foreach(script conffiles postinst prerm postrm)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/${script})
endforeach()
include(CPack)
