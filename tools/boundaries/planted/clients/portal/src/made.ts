// breaks: no-unresolved
import 'virtual:mantine-variables.css'
