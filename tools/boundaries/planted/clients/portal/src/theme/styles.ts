// breaks: no-unresolved-styles
import 'virtual:mantine-variables.css'
import 'virtual:another.css'
