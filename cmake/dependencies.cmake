# Everything comes from the distribution, by pkg-config where there is no CMake package.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib>=1.2.11)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.12)
find_package(Snappy REQUIRED)

# ISA-L inflates two to three times faster than zlib. Optional: the same streaming interface serves both.
option(WITH_ISAL "Use ISA-L for inflating where it is found" ON)
add_library(isal_optional INTERFACE)
if(WITH_ISAL)
  pkg_check_modules(ISAL IMPORTED_TARGET libisal)
  if(ISAL_FOUND)
    target_link_libraries(isal_optional INTERFACE PkgConfig::ISAL)
    target_compile_definitions(isal_optional INTERFACE HAVE_ISAL=1)
  endif()
endif()
