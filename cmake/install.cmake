# `make install`: the libraries, the headers, and how other projects find them: find_package(Heed), pkg-config heed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Heed)

install(DIRECTORY engine/include/ TYPE INCLUDE FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
# Two sets, since programs that link the shared library need none of what the static one is linked with.
install(TARGETS heed-shared EXPORT HeedTargets)
install(EXPORT HeedTargets NAMESPACE Heed:: DESTINATION ${package})
install(TARGETS heed-engine EXPORT HeedStaticTargets)
install(EXPORT HeedStaticTargets NAMESPACE Heed:: DESTINATION ${package})

configure_package_config_file(cmake/HeedConfig.cmake.in ${PROJECT_BINARY_DIR}/HeedConfig.cmake
                              INSTALL_DESTINATION ${package})
# Before 1.0 a new minor version may break what used the one before.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/HeedConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/HeedConfig.cmake ${PROJECT_BINARY_DIR}/HeedConfigVersion.cmake DESTINATION ${package})

configure_file(cmake/heed.pc.in ${PROJECT_BINARY_DIR}/heed.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/heed.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
