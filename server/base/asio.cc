// Asio and Beast, compiled here once (see the definitions in cmake/Module.cmake).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
