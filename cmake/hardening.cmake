# The OpenSSF hardening guide's flags, where the compiler knows them. Sanitizer builds do without: they clash with
# _FORTIFY_SOURCE, and find more. Asserts stay on in every build: a broken promise of ours must stop the program.
include(CheckCCompilerFlag)
if(SES_SANITIZE)
  target_compile_options(ses_build_flags INTERFACE -fsanitize=${SES_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ses_build_flags INTERFACE -fsanitize=${SES_SANITIZE})
  if(SES_FUZZ) # coverage in the code under test, which is what guides the search; the targets bring the fuzzer itself
    target_compile_options(ses_build_flags INTERFACE -fsanitize=fuzzer-no-link)
  endif()
else()
  foreach(flag -fstack-clash-protection -fstack-protector-strong -fcf-protection=full -fstrict-flex-arrays=3
               -fno-delete-null-pointer-checks -fno-strict-overflow)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
      target_compile_options(ses_build_flags INTERFACE ${flag})
    endif()
  endforeach()
  target_compile_options(ses_build_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
  target_link_options(ses_build_flags INTERFACE -Wl,-z,nodlopen -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# -fPIE after CMake's -fPIC: our libraries go into executables only, where no one can put a function in the place of
# another, so the compiler may inline across functions and reach data without a detour.
target_compile_options(ses_build_flags INTERFACE -fPIE)
include(CheckPIESupported)
check_pie_supported()
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
