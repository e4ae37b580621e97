# Every target links this interface: warnings, sanitizers and hardening in one place.
add_library(ses_build_flags INTERFACE)
target_compile_options(ses_build_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
  -Wimplicit-fallthrough -Wpointer-arith -Wundef -Wvla -Wno-missing-field-initializers -Wno-sign-conversion)
# clang counts assert(!"why") among its conversions.
target_compile_options(ses_build_flags INTERFACE $<$<C_COMPILER_ID:Clang>:-Wno-string-conversion>)
target_compile_definitions(ses_build_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
option(SES_WERROR "Warnings are errors" OFF)
if(SES_WERROR)
  target_compile_options(ses_build_flags INTERFACE -Werror)
endif()
