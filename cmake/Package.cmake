# The Debian package: scripts/package.sh makes it of a build. Its component `programs` is part of every
# `cmake --install`, `system` is for the package alone: it goes to /etc and /lib.
set(packaging ${CMAKE_SOURCE_DIR}/packaging)
# mcpbridge_install_compressed(COMPONENT FILE AS): Debian wants manual pages and changelogs so. AS begins with
# / or is below the prefix.
function(mcpbridge_install_compressed component file as)
  install(CODE "
    set(target \"${as}\")
    if(NOT IS_ABSOLUTE \"\${target}\")
      set(target \"\${CMAKE_INSTALL_PREFIX}/\${target}\")
    endif()
    set(target \"\$ENV{DESTDIR}\${target}\")
    cmake_path(GET target PARENT_PATH folder)
    file(MAKE_DIRECTORY \"\${folder}\")
    execute_process(COMMAND gzip -9nc \"${file}\" OUTPUT_FILE \"\${target}\" COMMAND_ERROR_IS_FATAL ANY)"
    COMPONENT ${component} ${ARGN})
endfunction()
foreach(program IN ITEMS mcp-bridge mcp-call mcp-demo-server)
  mcpbridge_install_compressed(programs
    ${packaging}/man/${program}.1 ${CMAKE_INSTALL_MANDIR}/man1/${program}.1.gz)
endforeach()

set(bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
set(zsh ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
set(fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${packaging}/completions/mcp-bridge.bash DESTINATION ${bash} RENAME mcp-bridge COMPONENT programs)
install(FILES ${packaging}/completions/_mcp-bridge DESTINATION ${zsh} COMPONENT programs)
install(FILES ${packaging}/completions/mcp-bridge.fish DESTINATION ${fish} COMPONENT programs)
# mcp-call prints its own. zsh runs the file at its first use, as the function of its name.
install(CODE "
  set(prefix \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  foreach(shell_file \"bash;${bash}/mcp-call\" \"zsh;${zsh}/_mcp-call\" \"fish;${fish}/mcp-call.fish\")
    list(GET shell_file 0 shell)
    list(GET shell_file 1 file)
    execute_process(COMMAND $<TARGET_FILE:mcp-call> --completion \${shell}
      OUTPUT_VARIABLE script COMMAND_ERROR_IS_FATAL ANY)
    if(shell STREQUAL zsh)
      string(APPEND script \"_mcp_call \\\"\\$@\\\"\\n\")
    endif()
    file(WRITE \"\${prefix}/\${file}\" \"\${script}\")
  endforeach()" COMPONENT programs)

install(FILES ${packaging}/mcp-bridge.service DESTINATION /lib/systemd/system
  COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${packaging}/bridge.yaml DESTINATION /etc/mcp-bridge COMPONENT system EXCLUDE_FROM_ALL)
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC) # or SOURCE_DATE_EPOCH
configure_file(${packaging}/changelog.in ${CMAKE_BINARY_DIR}/packaging/changelog @ONLY)
mcpbridge_install_compressed(system
  ${CMAKE_BINARY_DIR}/packaging/changelog /usr/share/doc/mcp-bridge/changelog.gz EXCLUDE_FROM_ALL)
install(FILES ${packaging}/copyright ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/docs/configuration.md ${CMAKE_SOURCE_DIR}/docs/errors.md
  ${CMAKE_SOURCE_DIR}/docs/troubleshooting.md ${CMAKE_SOURCE_DIR}/examples/full.yaml
  DESTINATION /usr/share/doc/mcp-bridge COMPONENT system EXCLUDE_FROM_ALL)

# cpack packs what is built, instead of building everything, tests too.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mcp-bridge)
set(CPACK_PACKAGE_VENDOR mcp-bridge)
set(CPACK_PACKAGE_CONTACT "The authors of mcp-bridge <mcp-bridge@example.com>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "MCP tools over typed gRPC and streamable HTTP")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"A sidecar that gives any service the tools of MCP servers, through a typed gRPC
stub or by MCP's own streamable HTTP, each call with a deadline and a
cancellation of its own. With mcp-call, a caller for the command line, and
mcp-demo-server, a server to try things with.")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${CMAKE_BINARY_DIR}/packaging/conffiles "/etc/mcp-bridge/bridge.yaml\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/packaging/conffiles
  ${packaging}/postinst ${packaging}/prerm ${packaging}/postrm)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL programs system)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/package) # also where cpack works
include(CPack)
