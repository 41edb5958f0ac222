import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * HL7's instance validator on R4: one resource a line on standard input, one line for each error on standard output:
 * number of the line, place, message, with tabs between. Ends with the line "validated N". The argument is a folder of
 * profiles, value sets and code systems (JSON) that count beside those of R4.
 */
public final class Validate {
  public static void main(String[] arguments) throws Exception {
    FhirContext context = FhirContext.forR4();
    PrePopulatedValidationSupport profiles = new PrePopulatedValidationSupport(context);
    for (File file : new File(arguments[0]).listFiles((folder, name) -> name.endsWith(".json"))) {
      profiles.addResource(context.newJsonParser().parseResource(Files.readString(file.toPath())));
    }
    ValidationSupportChain support =
        new ValidationSupportChain(
            new DefaultProfileValidationSupport(context),
            profiles,
            new SnapshotGeneratingValidationSupport(context),
            new CommonCodeSystemsTerminologyService(context),
            new InMemoryTerminologyServerValidationSupport(context));
    FhirInstanceValidator instance = new FhirInstanceValidator(support);
    instance.setAnyExtensionsAllowed(true);
    instance.setErrorForUnknownProfiles(true);
    FhirValidator validator = context.newValidator().registerValidatorModule(instance);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    int line = 0;
    for (String resource = in.readLine(); resource != null; resource = in.readLine()) {
      line++;
      for (SingleValidationMessage message : validator.validateWithResult(resource).getMessages()) {
        ResultSeverityEnum severity = message.getSeverity();
        if (severity != ResultSeverityEnum.ERROR && severity != ResultSeverityEnum.FATAL) continue;
        String words = message.getMessage().replaceAll("\\s+", " ");
        out.println(line + "\t" + message.getLocationString() + "\t" + words);
      }
    }
    out.println("validated " + line);
  }
}
