/**
 * All styles of the first load, in the order in which they must come. A component of Mantine that is used anywhere in the
 * shell needs its line here; a role adds those that only it uses in its own module.
 *
 * @module
 */
import './tokens.css'
import 'virtual:mantine-variables.css'
import '@mantine/core/styles/baseline.css'
import '@mantine/core/styles/global.css'
import '@mantine/core/styles/UnstyledButton.css'
import '@mantine/core/styles/VisuallyHidden.css'
import '@mantine/core/styles/Loader.css'
import '@mantine/core/styles/Input.css'
import '@mantine/core/styles/InlineInput.css'
import '@mantine/core/styles/Button.css'
import '@mantine/core/styles/Checkbox.css'
import '@mantine/core/styles/SegmentedControl.css'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/Skeleton.css'
import './portal.css'
import './patient.css'
